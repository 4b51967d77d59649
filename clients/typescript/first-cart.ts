// A first cart with a client that was generated from the API's own document: every operation of a shopper once, and
// what comes compared with what was asked for. `cargo xtask typescript` runs it; by itself it wants EVERCART_URL and
// EVERCART_SHOPPER (`evercart token shopper ann`).

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Cart = components["schemas"]["Cart"];
type Line = components["schemas"]["Line"];
type Client = ReturnType<typeof createClient<paths>>;

const baseUrl = setting("EVERCART_URL");
const anonymous = createClient<paths>({ baseUrl });

const token = await openSession();
const guest = withToken(token);
await addSetAndRemove(guest);
await changeInBulk(guest);
await sendTwice(guest);
await putBack(guest);
await beRefused(guest);
await logIn(token);
console.log("first cart: everything is as the types say");

async function openSession(): Promise<string> {
  const { data, response } = await anonymous.POST("/v1/sessions", { body: {} });
  assert.equal(response.status, 201);
  assert.ok(data);
  assert.equal(data.cart.kind, "guest");
  assert.deepEqual(data.cart.lines, []);
  assert.ok(Date.parse(data.expires_at) > Date.now());
  return data.token;
}

async function addSetAndRemove(client: Client): Promise<void> {
  const added = await add(client, "TEA-EARL-50", 2);
  const line = only(added);
  assert.equal(line.quantity, 2);
  assert.equal(line.unit_price?.amount, 395);
  assert.equal(added.totals.subtotal.amount, 790);
  assert.equal(added.totals.subtotal.currency, "GBP");

  const set = await client.PUT("/v1/cart/lines/{line}", {
    params: { path: { line: line.id } },
    body: { quantity: 5, seen: line.seen },
  });
  assert.equal(only(shown(set)).quantity, 5);

  const seen = only(shown(set)).seen;
  await add(client, "TEA-EARL-50", 1); // another tab, meanwhile
  const removed = await client.DELETE("/v1/cart/lines/{line}", { params: { path: { line: line.id }, query: { seen } } });
  assert.equal(only(shown(removed)).quantity, 1, "what was not seen stays");

  const moved = await client.POST("/v1/cart/lines/{line}/move", {
    params: { path: { line: line.id } },
    body: { to: "saved" },
  });
  assert.equal(shown(moved).lines.length, 0);
  assert.equal(shown(moved).saved.length, 1);

  const saved = shown(moved).saved[0];
  assert.ok(saved && saved.id !== line.id, "the id names the list too");
  const cleared = await client.DELETE("/v1/cart/lines/{line}", { params: { path: { line: saved.id } } });
  assert.deepEqual([shown(cleared).lines, shown(cleared).saved], [[], []]);
}

async function changeInBulk(client: Client): Promise<void> {
  const { data } = await client.PATCH("/v1/cart", {
    body: {
      ops: [
        { op: "add", sku: "MUG-BLUE", quantity: 1 },
        { op: "add", sku: "no such thing", quantity: 1 },
        { op: "annotate", fields: { note: "Ring twice" } },
      ],
    },
  });
  assert.ok(data);
  assert.deepEqual(data.results.map((result) => result.status), ["applied", "rejected", "applied"]);
  assert.equal(data.results[1]?.code, "unknown_sku");
  assert.equal(data.cart.fields["note"], "Ring twice");
  assert.equal(only(data.cart).sku, "MUG-BLUE");
}

async function sendTwice(client: Client): Promise<void> {
  const retried = { header: { "Idempotency-Key": randomUUID() } };
  const send = () => client.POST("/v1/cart/lines", { params: retried, body: { sku: "MUG-BLUE", quantity: 2 } });
  const [first, second] = [await send(), await send()];
  assert.equal(only(shown(first)).quantity, 3);
  assert.equal(only(shown(second)).quantity, 3, "sent twice, done once");
  assert.equal(second.response.headers.get("Idempotent-Replayed"), "true");
}

async function putBack(client: Client): Promise<void> {
  const before = shown(await client.GET("/v1/cart"));
  const put = await client.PUT("/v1/cart", {
    body: { seen: before.seen, lines: [{ sku: "MUG-BLUE", quantity: 1 }] },
  });
  assert.equal(only(shown(put)).quantity, 1);
}

async function beRefused(client: Client): Promise<void> {
  const { data, error, response } = await client.POST("/v1/cart/lines", { body: { sku: "MUG-BLUE", quantity: 0 } });
  assert.equal(data, undefined);
  assert.equal(response.status, 422);
  assert.ok(error);
  assert.equal(error.code, "invalid_request");
  assert.equal(error.errors?.[0]?.pointer, "/quantity");
}

async function logIn(guestToken: string): Promise<void> {
  const account = withToken(setting("EVERCART_SHOPPER"));
  const { data } = await account.POST("/v1/sessions/claim", { body: { guest_token: guestToken, policy: "sum" } });
  assert.ok(data);
  assert.equal(data.cart.kind, "account");
  assert.equal(only(data.cart).sku, "MUG-BLUE");
  assert.equal(data.merge.lines[0]?.guest, 1);
  assert.ok(data.merge.id);

  const undone = await account.POST("/v1/sessions/claim/{id}/undo", { params: { path: { id: data.merge.id } } });
  assert.ok(undone.data);
  assert.deepEqual(undone.data.cart.lines, []);
  assert.ok(undone.data.guest_token);
  assert.equal(only(shown(await withToken(undone.data.guest_token).GET("/v1/cart"))).quantity, 1);
}

async function add(client: Client, sku: string, quantity: number): Promise<Cart> {
  return shown(await client.POST("/v1/cart/lines", { body: { sku, quantity } }));
}

/** The cart of an answer that has one. */
function shown(answer: { data?: Cart | undefined; error?: unknown; response: Response }): Cart {
  assert.ok(answer.data, `${answer.response.status}: ${JSON.stringify(answer.error)}`);
  assert.ok(answer.response.headers.get("Evercart-Context"));
  return answer.data;
}

/** The one line of a cart. */
function only(cart: Cart): Line {
  const [line, ...others] = cart.lines;
  assert.ok(line && others.length === 0, `one line expected: ${JSON.stringify(cart.lines)}`);
  return line;
}

function withToken(bearer: string): Client {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${bearer}` } });
}

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}
