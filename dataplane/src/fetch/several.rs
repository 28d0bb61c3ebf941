//! Fetches of which a message may have several values, each of which ACLs look at.

use regate_proto::rules::Fetch;

use super::{Arguments, View, header, heads, hello, payload, request, response, target, typed, users};
use crate::sample::Value;
use crate::snapshot::SamplePlan;

/// Whether [`offer_each`] knows the fetch.
pub(super) fn may_have_several(fetch: Fetch) -> bool {
    matches!(
        fetch,
        Fetch::RequestHeader
            | Fetch::ResponseHeader
            | Fetch::Header
            | Fetch::RequestFullHeader
            | Fetch::ResponseFullHeader
            | Fetch::RequestHeaderIp
            | Fetch::ResponseHeaderIp
            | Fetch::RequestHeaderValue
            | Fetch::ResponseHeaderValue
            | Fetch::RequestCookie
            | Fetch::RequestCookieValue
            | Fetch::ResponseCookie
            | Fetch::ResponseCookieValue
            | Fetch::UrlParameter
            | Fetch::UrlParameterValue
            | Fetch::HelloAlpn
            | Fetch::AuthenticatedGroup
            | Fetch::RequestBodyParameter
    )
}

/// Offers the values of a fetch that may have several, until one passes; false where it has only one.
pub(super) fn offer_each<'a>(
    plan: &'a SamplePlan,
    view: &View<'a>,
    offer: &mut dyn FnMut(Value<'a>) -> bool,
) -> bool {
    let arguments = Arguments(&plan.arguments);
    let is_any = arguments.int(1).unwrap_or(0) == 0 && arguments.text(0).is_some();
    match plan.fetch {
        Fetch::RequestHeader | Fetch::ResponseHeader | Fetch::Header if is_any => {
            if let Some(heads) = heads(plan.fetch, view) {
                header::values(heads, &arguments).map(Value::text).any(offer);
            }
        }
        Fetch::RequestFullHeader | Fetch::ResponseFullHeader if is_any => {
            if let Some(heads) = heads(plan.fetch, view) {
                header::lines(heads, &arguments).map(Value::text).any(offer);
            }
        }
        Fetch::RequestHeaderIp | Fetch::ResponseHeaderIp if is_any => {
            if let Some(heads) = heads(plan.fetch, view) {
                header::values(heads, &arguments).filter_map(header::ip).any(offer);
            }
        }
        Fetch::RequestHeaderValue | Fetch::ResponseHeaderValue if is_any => {
            if let Some(heads) = heads(plan.fetch, view) {
                header::values(heads, &arguments).filter_map(header::int).any(offer);
            }
        }
        Fetch::RequestCookie | Fetch::RequestCookieValue => {
            if let Some(heads) = request(view) {
                let typed = typed(plan.fetch == Fetch::RequestCookieValue);
                header::request_cookies(heads, &arguments).filter_map(typed).any(offer);
            }
        }
        Fetch::ResponseCookie | Fetch::ResponseCookieValue => {
            if let Some(heads) = response(view) {
                let typed = typed(plan.fetch == Fetch::ResponseCookieValue);
                header::response_cookies(heads, &arguments).filter_map(typed).any(offer);
            }
        }
        Fetch::UrlParameter | Fetch::UrlParameterValue => {
            if let Some(values) = target::parameters(&arguments, view) {
                values.filter_map(typed(plan.fetch == Fetch::UrlParameterValue)).any(offer);
            }
        }
        Fetch::HelloAlpn => {
            if let Some(hello) = payload::read(hello::Hello::read(view.payload), view) {
                hello.protocols().map(Value::text).any(offer);
            }
        }
        Fetch::AuthenticatedGroup => {
            if let Some((list, user)) = users::who(&arguments, view) {
                list.groups_of(user).map(|group| Value::text(group.as_bytes())).any(offer);
            }
        }
        Fetch::RequestBodyParameter => {
            if let Some(request) = view.request() {
                let values =
                    target::pairs(request.body, b'&', arguments.text(0), arguments.text(1).is_some());
                values.map(|value| Value::Bin(value.into())).any(offer);
            }
        }
        _ => return false,
    }
    true
}
