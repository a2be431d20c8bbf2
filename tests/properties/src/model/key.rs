//! Keys, scopes and fingerprints, made by the rule in their documentation.

use super::Id;
use crate::terms::Terms;

fn parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut content = Vec::new();
    for part in parts {
        content.extend_from_slice(&u64::try_from(part.len()).expect("it fits").to_be_bytes());
        content.extend_from_slice(part);
    }
    hmac_sha256::Hash::hash(&content)
}

fn head<const N: usize>(digest: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| digest[at])
}

pub(crate) fn key(terms: &Terms, id: Option<&Id>, body: &[u8]) -> [u8; 16] {
    let digest = hmac_sha256::Hash::hash(body);
    let (kind, value): (&str, &[u8]) = match id {
        None => ("body", &digest),
        Some(Id::Text(text)) => ("text", text.as_bytes()),
        Some(Id::Integer(text)) => ("integer", text.as_bytes()),
        Some(Id::Composite(text)) => ("composite", text.as_bytes()),
    };
    let [sender, endpoint, tenant] = names(terms);
    head(parts(&[b"counterfoil-key-1", sender, endpoint, tenant, kind.as_bytes(), value]))
}

pub(crate) fn scope(terms: &Terms) -> i32 {
    i32::from_be_bytes(head(parts(&names(terms))))
}

pub(crate) fn fingerprint(body: &[u8]) -> [u8; 16] {
    head(hmac_sha256::Hash::hash(body))
}

/// The names that have keys to themselves.
pub(crate) fn names(terms: &Terms) -> [&[u8]; 3] {
    let sender = terms.sender.name.as_bytes();
    [sender, terms.endpoint.as_deref().map_or(sender, str::as_bytes), terms.tenant.as_deref().unwrap_or("").as_bytes()]
}
