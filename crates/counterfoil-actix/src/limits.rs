//! The limits of actix-web's own extractors.

use std::rc::Rc;

use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::web::{Data, FormConfig, JsonConfig, PayloadConfig};

/// What every extractor of actix-web's own reads where nobody says otherwise: the limit of `web::Form`, the lowest.
const ALWAYS_READ: usize = 16 * 1024;

/// Lets the extractors inside read a body of this length, which the receiver has accepted.
pub(crate) fn raise(request: &mut ServiceRequest, length: usize) {
    let payload = config::<PayloadConfig>(request);
    let json = config::<JsonConfig>(request);
    let form = config::<FormConfig>(request);
    if length <= ALWAYS_READ && payload.is_none() && json.is_none() && form.is_none() {
        return;
    }
    let mut configs = Extensions::new();
    configs.insert(payload.unwrap_or_default().limit(length));
    configs.insert(json.unwrap_or_default().limit(length));
    configs.insert(form.unwrap_or_default().limit(length));
    request.add_data_container(Rc::new(configs));
}

/// What the application says of it, in either of the forms that the extractors take.
fn config<C: Clone + 'static>(request: &ServiceRequest) -> Option<C> {
    request.app_data::<C>().or_else(|| request.app_data::<Data<C>>().map(|config| &***config)).cloned()
}
