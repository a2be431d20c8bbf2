//! Bodies that come slowly or never end, senders that hang up, and copies that meet: on every framework, over each version
//! of HTTP that it speaks.

mod bodies;
mod copies;

use bytes::Bytes;
use http::{Response, Version};

use crate::client::{Client, VERSIONS};
use crate::differences;
use crate::handler::{Act, code};
use crate::servers::{Host, Served, Stack};
use crate::setup::Setup;

macro_rules! checks {
    ($($theme:ident::$check:ident,)*) => {
        $(
            #[tokio::test]
            async fn $check() {
                for stack in Stack::RUST {
                    for version in VERSIONS {
                        $theme::$check(&Host::start(stack).await, version).await;
                    }
                }
            }
        )*

        /// All of them on one framework.
        pub(crate) async fn run(host: &Host, version: Version) {
            $($theme::$check(host, version).await;)*
        }
    };
}

checks! {
    bodies::t11_an_endless_body_without_a_signature_is_refused_at_the_head,
    bodies::t47_a_body_of_unknown_length_is_counted,
    bodies::a_body_that_stalls_is_408,
    bodies::frames_make_one_body,
    bodies::trailers_are_no_part_of_a_body,
    bodies::a_large_body_arrives_whole,
    bodies::refused_bodies_leave_an_http_2_connection_as_it_was,
    bodies::a_connection_carries_one_delivery_after_the_other,
    bodies::t13_forwarding_headers_change_nothing,
    copies::t42_a_sender_that_hangs_up_does_not_cancel_the_handler,
    copies::copies_at_once_run_the_handler_once_and_all_get_200,
    copies::t40_a_copy_that_cannot_wait_is_503,
    copies::shutting_down_finishes_what_runs_and_refuses_the_rest,
}

/// A receiver with a handler, behind one framework over one version of HTTP.
struct Place {
    client: Client,
    served: Served,
    at: String,
    stack: Stack,
    version: Version,
}

impl Place {
    async fn new(host: &Host, version: Version, setup: Setup, act: Act) -> Self {
        let served = host.serve(setup.into(), vec![act]).await;
        let client = Client::new(served.address(), version);
        Self { client, served, at: format!("{:?} over {version:?}", host.stack), stack: host.stack, version }
    }

    /// Refused, and the rest of the body left where it is.
    async fn assert_unread(&self, response: &Response<Bytes>, status: u16, refusal: &str, runs: usize) {
        let at = &self.at;
        assert_eq!((response.status().as_u16(), code(response).as_deref()), (status, Some(refusal)), "{at}");
        let connection =
            differences::connection(self.stack, self.version, !differences::sees_bodies_arrive(self.stack));
        assert_eq!(response.headers().get("connection").map(|value| value.to_str().unwrap()), connection, "{at}");
        assert_eq!(self.served.runs().await, runs, "{at}");
    }
}
