//! What goes out as an error, because a `ServiceResponse` needs the request, and the request is gone.

use std::cell::Cell;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, ResponseError};
use counterfoil::RejectionKind;
use counterfoil::receiver::Answer;

use crate::convert;

/// The answer to a request that its handler has taken with it.
#[derive(Debug)]
pub(crate) struct Unaccompanied(pub(crate) Answer);

impl fmt::Display for Unaccompanied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code().map_or("answered", RejectionKind::code))
    }
}

impl ResponseError for Unaccompanied {
    fn status_code(&self) -> StatusCode {
        self.error_response().status()
    }

    fn error_response(&self) -> HttpResponse {
        convert::response(self.0.clone()).map_into_boxed_body()
    }
}

/// An error from inside, and the response that it made when its event was settled. That one goes out: an error may make
/// another when it is asked again.
pub(crate) struct Settled {
    error: Error,
    status: StatusCode,
    response: Cell<Option<HttpResponse>>,
}

impl Settled {
    pub(crate) fn new(error: Error, response: HttpResponse) -> Self {
        Self { error, status: response.status(), response: Cell::new(Some(response)) }
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Settled {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response.take().unwrap_or_else(|| self.error.error_response())
    }
}
