//! The table and the sockets on Python's servers. `--skip python` leaves them out.

use http::Version;

use crate::servers::python::Stack;
use crate::servers::{self, Host};

/// Checks something over each version of HTTP that the stack speaks, in one process.
async fn on(stack: Stack, check: impl AsyncFn(&Host, Version)) {
    let host = Host::start(servers::Stack::Python(stack)).await;
    for version in stack.versions() {
        check(&host, *version).await;
    }
    host.python.unwrap().assert_calm();
}

macro_rules! stacks {
    ($($name:ident is $stack:ident,)*) => {
        $(mod $name {
            #[tokio::test]
            async fn table() {
                super::on(super::Stack::$stack, crate::table::run).await;
            }

            #[tokio::test]
            async fn sockets() {
                super::on(super::Stack::$stack, crate::sockets::run).await;
            }
        })*
    };
}

stacks! {
    asgi_on_uvicorn is AsgiOnUvicorn,
    asgi_on_hypercorn is AsgiOnHypercorn,
    starlette_on_uvicorn is StarletteOnUvicorn,
    fastapi_on_uvicorn is FastapiOnUvicorn,
    django_on_uvicorn is DjangoOnUvicorn,
    wsgi_on_gunicorn is WsgiOnGunicorn,
    flask_on_gunicorn is FlaskOnGunicorn,
    django_on_gunicorn is DjangoOnGunicorn,
}
