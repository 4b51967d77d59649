//! Names of requests, and what logs must never say.

use crate::shop::{Shop, bearer, header};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

#[tokio::test]
async fn a_request_keeps_its_name_if_it_is_plain() {
    let shop = Shop::with(|_| ()).await;
    let named = shop.ask(Method::GET, "/v1/cart", &[("x-request-id", "order-7/a")]).await;
    assert_eq!(header(&named, "x-request-id"), Some("order-7/a"));
    let problem: Value = named.json().await.unwrap();
    assert_eq!((&problem["request_id"], &problem["code"]), (&json!("order-7/a"), &json!("unauthenticated")));
    for wrong in ["two words", "{\"a\":1}", &"a".repeat(129)] {
        let answer = shop.ask(Method::GET, "/v1/nothing", &[("x-request-id", wrong)]).await;
        let made = header(&answer, "x-request-id").unwrap().to_owned();
        assert!(made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["request_id"], made);
    }
    let first = shop.ask(Method::GET, "/livez", &[]).await;
    let second = shop.ask(Method::GET, "/livez", &[]).await;
    assert_ne!(header(&first, "x-request-id"), header(&second, "x-request-id"));
}

/// The server as a process of its own, logging all there is.
struct Process {
    child: Child,
    url: String,
    data: tempfile::TempDir,
    logs: tempfile::NamedTempFile,
}

impl Process {
    fn start() -> Self {
        let (data, logs) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let mut child = Command::new(env!("CARGO_BIN_EXE_evercart"))
            .args(["serve", "--demo", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .env("EVERCART_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(logs.reopen().unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: said["url"].as_str().unwrap().to_owned(), data, logs }
    }

    fn stop(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::read_to_string(self.logs.path()).unwrap()
    }
}

#[tokio::test]
async fn logs_name_requests_and_never_say_who_shops_or_what() {
    let process = Process::start();
    let client = Client::builder().no_proxy().build().unwrap();
    let ask = async |method: &str, path: &str, token: &str, body: Value| -> Value {
        let request = client.request(method.parse().unwrap(), format!("{}{path}", process.url));
        let request = request.header("authorization", bearer(token)).header("x-request-id", "walk-7");
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.unwrap().json().await.unwrap_or_default()
    };
    let subject = "ann.secretive@mail.example";
    let opened = client.post(format!("{}/v1/sessions", process.url)).send().await.unwrap();
    let opened: Value = opened.json().await.unwrap();
    let guest = opened["token"].as_str().unwrap();
    let shopper = server::auth::issue_shopper(process.data.path(), subject).unwrap();
    let service = server::auth::issue_service(process.data.path(), &["carts", "catalog", "admin"]).unwrap();
    let add = json!({"sku": "MUG-BLUE", "quantity": 3, "attributes": {"gift_note": "for-my-darling"}});
    let cart = ask("POST", "/v1/cart/lines", guest, add).await;
    let (line, seen) = (&cart["lines"][0]["id"], &cart["lines"][0]["seen"]);
    let (line, seen) = (line.as_str().unwrap(), seen.as_str().unwrap());
    ask("PUT", &format!("/v1/cart/lines/{line}"), guest, json!({"quantity": 2, "seen": seen})).await;
    ask("POST", &format!("/v1/cart/lines/{line}/move"), guest, json!({"to": "saved"})).await;
    ask("PATCH", "/v1/cart", guest, json!({"ops": [{"op": "annotate", "fields": {"email": subject}}]})).await;
    let claimed = ask("POST", "/v1/sessions/claim", &shopper, json!({"guest_token": guest})).await;
    let merge = claimed["merge"]["id"].as_str().unwrap();
    ask("POST", &format!("/v1/sessions/claim/{merge}/undo"), &shopper, Value::Null).await;
    let id = ask("GET", "/v1/cart", &shopper, Value::Null).await["id"].as_str().unwrap().to_owned();
    ask("GET", &format!("/v1/carts/{id}"), &service, Value::Null).await;
    ask("DELETE", &format!("/v1/cart?seen={seen}"), &shopper, Value::Null).await;
    ask("GET", "/v1/cart", "forged-token-of-somebody", Value::Null).await;
    ask("POST", "/v1/cart/lines", guest, json!({"sku": "MUG-BLUE", "quantity": "for-my-darling"})).await;
    ask("POST", "/v1/admin/tokens/00000000000000aa/revocation", &service, Value::Null).await;
    ask("POST", "/v1/cart/lines?name=for-my-darling", &shopper, json!({"sku": "TIN-ROUND", "quantity": 1}))
        .await;
    ask("GET", "/v1/carts", &shopper, Value::Null).await;
    ask("GET", &format!("/v1/carts?subject={subject}"), &service, Value::Null).await;
    let subjects = server::auth::issue_service(process.data.path(), &["subjects"]).unwrap();
    for method in ["GET", "DELETE", "DELETE"] {
        let answer = ask(method, &format!("/v1/subjects/{subject}"), &subjects, Value::Null).await;
        assert!(answer["carts"].is_array(), "{answer}");
    }
    let logs = process.stop();
    assert!(logs.contains("walk-7") && logs.contains("subject erased"), "requests are named");
    let secrets =
        [guest, &shopper, &service, subject, "forged-token-of-somebody", "for-my-darling", "MUG-BLUE", seen];
    for secret in secrets {
        let line = logs.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
