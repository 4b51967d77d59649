//! Shapes that only the OpenAPI document names: answers that are put together member by member, and texts with the
//! bounds that their parsers check.
//!
//! A bound here repeats a check elsewhere; that they agree is what `cargo xtask schemathesis` is for.

use crate::http::{
    bulk::{ClearOperation, MoveOperation, RemoveOperation, SetOperation},
    change::AddBody,
    wire::CartJson,
};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, schema::ObjectBuilder},
};

/// A text or a map whose schema is in [`bounded`].
macro_rules! bounded {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(in crate::http) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new().into()
                }
            }

            impl ToSchema for $name {}
        )*
    };
}

bounded! {
    /// A SKU, a seller, the name of a cart.
    NameText;
    /// Options of a line.
    OptionsText;
    /// Attributes of a line.
    TextsText;
    /// A price.
    PriceBody;
    /// One operation of a bulk request.
    Operation;
    /// The id of a line.
    LineIdText;
    /// The id of a cart.
    CartIdText;
}

/// No control characters. Both halves are spelled out, because dialects differ in what `\p{Cc}` needs.
const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

/// The schemas of the types above, by name.
pub(super) fn bounded() -> Value {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": NAME});
    json!({
        "NameText": described(&name, "1 to 128 bytes of UTF-8 without control characters."),
        "OptionsText": {
            "type": "object", "maxProperties": 32, "propertyNames": name, "additionalProperties": name,
            "description": "What tells lines of one SKU apart, such as a colour.",
        },
        "TextsText": {
            "type": "object", "additionalProperties": {"type": "string"},
            "description": "What the shopper says about the line, such as a gift note.",
        },
        "FieldsText": {
            "type": "object", "propertyNames": name,
            "properties": {"currency": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"}},
            "additionalProperties": {"type": ["string", "null"]},
            "description": "Texts of the cart; null removes one. `currency` is the cart's.",
        },
        "PriceBody": {
            "type": "object", "required": ["amount", "currency"], "additionalProperties": false,
            "properties": {
                "amount": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 9_999_999_999_i64},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "description": "In minor units, and ISO 4217.",
        },
        "Operation": operation(),
        "LineIdText": {"type": "string", "pattern": "^l_[A-Za-z0-9_-]{23}$"},
        "CartIdText": {"type": "string", "pattern": "^c_[A-Za-z0-9_-]{22}$"},
    })
}

/// Bodies in which a service may name a price, and what of them no shopper may.
const QUOTED: &[(&str, &[&str])] = &[
    ("AddBody", &["price", "title", "image", "url"]),
    ("Operation", &["price", "title", "image", "url"]),
    ("PatchBody", &[]),
    ("PutBody", &[]),
];

/// The name of the schema that a service's body has in place of the shopper's.
pub(super) fn for_services(reference: &str) -> Option<String> {
    let name = reference.rsplit('/').next()?;
    QUOTED.iter().any(|(quoted, _)| *quoted == name).then(|| format!("#/components/schemas/Service{name}"))
}

/// Tells apart what shoppers and services may say: the types that read them are the same.
pub(super) fn split_by_trust(schemas: &mut Map<String, Value>) {
    for (name, members) in QUOTED {
        let Some(mut schema) = schemas.get(*name).cloned() else { continue };
        rename(&mut schema);
        schemas.insert(format!("Service{name}"), schema);
        if let Some(schema) = schemas.get_mut(*name) {
            members.iter().for_each(|member| forget(schema, member));
        }
    }
}

fn rename(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(for_services) {
                members.insert("$ref".to_owned(), name.into());
            }
            members.values_mut().for_each(rename);
        }
        Value::Array(items) => items.iter_mut().for_each(rename),
        _ => {}
    }
}

fn forget(schema: &mut Value, member: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.shift_remove(member);
    }
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    variants.into_iter().flatten().for_each(|variant| forget(variant, member));
}

/// Each operation's own members, and `op`, which tells them apart.
fn operation() -> Value {
    let operations = [
        ("add", AddBody::schema()),
        ("set", SetOperation::schema()),
        ("remove", RemoveOperation::schema()),
        ("move", MoveOperation::schema()),
        ("clear", ClearOperation::schema()),
    ];
    let variants = operations.map(|(name, schema)| {
        let mut variant = serde_json::to_value(schema).unwrap_or_default();
        variant["properties"]["op"] = json!({"type": "string", "enum": [name]});
        let required = variant["required"].as_array().cloned().unwrap_or_default();
        variant["required"] = [vec!["op".into()], required].concat().into();
        variant["title"] = name.into();
        variant
    });
    let variants = variants.into_iter().chain(annotations()).collect::<Vec<_>>();
    json!({"oneOf": variants, "description": "One operation of a bulk request."})
}

/// `annotate` takes attributes of a line or fields of the cart, never both: two shapes, so that clients see which.
fn annotations() -> [Value; 2] {
    let op = json!({"type": "string", "enum": ["annotate"]});
    let texts = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    [
        json!({
            "type": "object", "title": "annotate line", "description": "Replaces the attributes of a line.",
            "required": ["op", "line", "attributes"], "additionalProperties": false,
            "properties": {
                "op": op, "line": {"type": "string"}, "attributes": texts("TextsText"),
                "seen": {"type": ["string", "null"]},
            },
        }),
        json!({
            "type": "object", "title": "annotate cart", "description": "Sets and removes fields of the cart.",
            "required": ["op", "fields"], "additionalProperties": false,
            "properties": {"op": op, "fields": texts("FieldsText")},
        }),
    ]
}

fn described(schema: &Value, description: &str) -> Value {
    let mut schema = schema.clone();
    schema["description"] = description.into();
    schema
}

/// Something to tell the shopper. Its kind may bring further members.
#[derive(Debug, ToSchema)]
#[schema(as = Notice)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct NoticeJson {
    /// Stable.
    code: String,
    /// For people.
    message: String,
}

/// What became of each operation, and the cart.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct BulkAnswer<'a> {
    /// One for each operation, in their order.
    results: Vec<OperationResult>,
    cart: CartJson<'a>,
    /// Where it is too long for the header `Evercart-Receipt`.
    #[schema(nullable = false)]
    receipt: Option<String>,
}

/// What became of one operation.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct OperationResult {
    /// `applied`, `replayed`, `rejected` or `not_applied`.
    status: String,
    /// Of the problem, where it was rejected.
    #[schema(nullable = false)]
    code: Option<String>,
    #[schema(nullable = false)]
    message: Option<String>,
}

/// A guest's session.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct SessionAnswer<'a> {
    /// For `Authorization: Bearer`.
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
    cart: CartJson<'a>,
}

/// A merge, done or previewed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct ClaimAnswer<'a> {
    merge: MergeAnswer,
    cart: CartJson<'a>,
    /// Where it is too long for the header `Evercart-Receipt`.
    #[schema(nullable = false)]
    receipt: Option<String>,
}

/// Where each unit came from.
#[derive(Debug, ToSchema)]
#[schema(as = Merge)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct MergeAnswer {
    /// For the undo; null where there is none, as of a preview or of an empty cart.
    id: Option<String>,
    policy: String,
    lines: Vec<MergedLine>,
    #[schema(format = DateTime)]
    undo_until: Option<String>,
    already_merged: bool,
}

/// How one line came out.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct MergedLine {
    line: String,
    guest: u64,
    account: u64,
    result: u64,
    /// For people.
    rule: String,
}

/// A merge undone.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct UndoAnswer<'a> {
    #[schema(nullable = false)]
    guest_token: Option<String>,
    #[schema(nullable = false, format = DateTime)]
    expires_at: Option<String>,
    cart: CartJson<'a>,
}
