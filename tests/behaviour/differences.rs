//! Where a server cannot but answer otherwise than the others, and why. What it answers is asserted all the same.

use http::Version;

use crate::servers::Stack;
use crate::servers::python::Stack as Python;

/// Whether a header that is sent twice comes as one, joined with a comma.
///
/// WSGI has room for one value of each name. What was repeated is then of a wrong form, or is one value that is wrong.
pub(crate) fn joins_headers(stack: Stack) -> bool {
    is_wsgi(stack)
}

/// What stands in `Connection`, where the connection is to be kept, or not.
///
/// gunicorn leaves out what an application says, and always says so itself that it keeps the connection. It then reads the rest
/// and throws it away; if there is too much of it, it closes the connection nevertheless.
pub(crate) fn connection(stack: Stack, version: Version, is_kept: bool) -> Option<&'static str> {
    match version {
        Version::HTTP_11 if is_wsgi(stack) => Some("keep-alive"),
        Version::HTTP_11 if !is_kept => Some("close"),
        _ => None,
    }
}

/// Whether the connection ends with the answer to a handler that fails.
///
/// The exception goes on to the server, which is to report it, and then closes the connection.
pub(crate) fn closes_after_an_exception(stack: Stack) -> bool {
    use Python::{AsgiOnHypercorn, AsgiOnUvicorn, FastapiOnUvicorn, StarletteOnUvicorn};
    matches!(stack, Stack::Python(AsgiOnUvicorn | AsgiOnHypercorn | StarletteOnUvicorn | FastapiOnUvicorn))
}

/// Whether a handler ends when its time is up.
///
/// A function that is not `async` runs in a thread, which nobody can stop.
pub(crate) fn handlers_can_be_stopped(stack: Stack) -> bool {
    !is_wsgi(stack)
}

/// Whether a body can be refused before it has arrived.
///
/// Over HTTP/2 hypercorn takes a body to its end or ends the connection, which other requests share. What leaves one unread is
/// therefore not asked of it.
pub(crate) fn can_leave_bodies_unread(stack: Stack, version: Version) -> bool {
    (stack, version) != (Stack::Python(Python::AsgiOnHypercorn), Version::HTTP_2)
}

/// Whether a receiver sees a body, and its head, before it has all arrived.
///
/// Django reads every body to its end before it looks for a view, where it is called as ASGI says.
pub(crate) fn sees_bodies_arrive(stack: Stack) -> bool {
    stack != Stack::Python(Python::DjangoOnUvicorn)
}

/// How many bytes of a body arrive together, if so many come.
///
/// A read from a body of WSGI's ends when it has as many bytes as it asked for, or all there are. Until then it waits, and no
/// limit can be looked at.
pub(crate) fn bytes_at_once(stack: Stack) -> Option<usize> {
    is_wsgi(stack).then_some(16 * 1024)
}

fn is_wsgi(stack: Stack) -> bool {
    use Python::{DjangoOnGunicorn, FlaskOnGunicorn, WsgiOnGunicorn};
    matches!(stack, Stack::Python(WsgiOnGunicorn | FlaskOnGunicorn | DjangoOnGunicorn))
}
