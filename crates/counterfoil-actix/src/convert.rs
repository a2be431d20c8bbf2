//! Between `http` 0.2, which actix-web speaks, and `http` 1, which the receiver speaks.

use actix_web::HttpResponse;
use actix_web::dev::RequestHead;
use actix_web::http::{self as old, header};
use bytes::Bytes;
use counterfoil::Receiver;
use counterfoil::receiver::Answer;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, request};

/// The head of a request, with every value of every header that `receiver` reads.
///
/// # Errors
/// What actix-web has read is not what `http` 1 would read. One header left out could be the second signature, so that
/// nothing is.
pub(crate) fn head(head: &RequestHead, receiver: &Receiver) -> Result<request::Parts, http::Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in head.headers.iter().filter(|(name, _)| receiver.reads_header(name.as_str())) {
        let name = HeaderName::from_bytes(name.as_str().as_bytes())?;
        headers.try_append(name, HeaderValue::from_bytes(value.as_bytes())?)?;
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(head.method.as_str().as_bytes())?;
    parts.uri = uri(&head.uri)?;
    parts.headers = headers;
    Ok(parts)
}

fn uri(uri: &old::Uri) -> Result<Uri, http::Error> {
    match uri.path_and_query() {
        // What nearly every request has: nothing needs to be put together.
        Some(path) if uri.scheme().is_none() && uri.authority().is_none() => Ok(path.as_str().try_into()?),
        _ => Ok(uri.to_string().try_into()?),
    }
}

/// The status of a handler's response.
pub(crate) fn status(status: old::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The receiver's answer, itself in the response's extensions.
pub(crate) fn response(answer: Answer) -> HttpResponse<Bytes> {
    let (mut parts, body) = answer.into_response().into_parts();
    let status = old::StatusCode::from_u16(parts.status.as_u16()).unwrap_or(old::StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, body);
    for (name, value) in &parts.headers {
        let name = header::HeaderName::from_bytes(name.as_str().as_bytes());
        // Both versions take the same bytes.
        if let (Ok(name), Ok(value)) = (name, header::HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(answer) = parts.extensions.remove::<Answer>() {
        response.extensions_mut().insert(answer);
    }
    response
}

#[cfg(test)]
mod tests {
    use counterfoil::idempotency::BoxFuture;
    use counterfoil::receiver::Head;
    use counterfoil::tenants::{Tenant, Tenants, TenantsError};
    use counterfoil::{Rejection, Secret, senders};

    use super::*;

    /// Sees every header.
    #[derive(Debug)]
    struct Nobody;

    impl Tenants for Nobody {
        fn name(&self, _: &Head<'_>) -> Option<String> {
            None
        }

        fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
            Box::pin(async { Ok(None) })
        }
    }

    fn receivers() -> [Receiver; 2] {
        let alone = Receiver::builder(senders::HANDL).secret(Secret::new("whsec_of_the_actix_tests").unwrap());
        [alone, Receiver::builder(senders::HANDL).tenants(Nobody)].map(|builder| builder.build().unwrap())
    }

    #[test]
    fn every_value_that_is_read_arrives_byte_for_byte() {
        let mut old = RequestHead::default();
        old.method = old::Method::from_bytes(b"PURGE").unwrap();
        for name in ["x-handl-signature", "x-other"] {
            let name = header::HeaderName::from_static(name);
            for value in [&b"\xff\t\x80"[..], b""] {
                old.headers.append(name.clone(), header::HeaderValue::from_bytes(value).unwrap());
            }
        }
        for (receiver, copied) in receivers().iter().zip([2, 4]) {
            let new = head(&old, receiver).unwrap();
            let values: Vec<_> = new.headers.get_all("x-handl-signature").iter().map(HeaderValue::as_bytes).collect();
            assert_eq!((new.method.as_str(), values), ("PURGE", vec![&b"\xff\t\x80"[..], b""]));
            assert_eq!(new.headers.len(), copied);
        }
    }

    #[test]
    fn every_form_of_an_address_stays_what_it_is() {
        for address in ["/", "/hooks/a%2Fb?c=%20d", "/?", "*", "http://shop.example/hook?a", "shop.example:443"] {
            let address: old::Uri = address.parse().unwrap();
            assert_eq!(uri(&address).unwrap().to_string(), address.to_string());
        }
    }

    #[test]
    fn more_headers_than_fit_are_an_error() {
        let mut old = RequestHead::default();
        for number in 0..40_000 {
            let name = header::HeaderName::try_from(format!("x-{number}")).unwrap();
            old.headers.insert(name, header::HeaderValue::from_static("1"));
        }
        let [_, reads_all] = receivers();
        assert!(head(&old, &reads_all).is_err());
    }

    #[test]
    fn the_answer_is_the_receivers() {
        for answer in [Answer::Duplicate, Answer::Conflict, Answer::Refused(Rejection::ShuttingDown)] {
            let expected = answer.clone().into_response();
            let response = response(answer);
            assert_eq!((status(response.status()), response.body()), (expected.status(), expected.body()));
            for (name, value) in expected.headers() {
                let values: Vec<_> = response.headers().get_all(name.as_str()).map(|value| value.as_bytes()).collect();
                assert_eq!(values, [value.as_bytes()], "{name}");
            }
            assert_eq!(response.headers().len(), expected.headers().len());
            assert!(response.extensions().contains::<Answer>());
        }
    }
}
