//! `Admin` for callers in the same process: the same service and the same levels, without a socket in between.

use std::convert::Infallible;
use std::task::{Context, Poll};

use regate_proto::model::Level;
use regate_proto::wire::v1::admin_server::AdminServer;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};

use super::Desk;
use super::peer::Peer;

/// `Admin`, called as a value. Calls run on the caller's own runtime.
#[derive(Clone, Debug)]
pub struct Inside {
    service: AdminServer<Desk>,
    peer: Peer,
}

impl Inside {
    /// The services as this process itself may use them.
    pub(super) fn new(service: AdminServer<Desk>) -> Inside {
        let actor = format!("uid={} pid={}", rustix::process::getuid().as_raw(), std::process::id());
        Inside { service, peer: Peer { level: Level::Admin, actor } }
    }
}

impl Service<http::Request<Body>> for Inside {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.service, context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        request.extensions_mut().insert(self.peer.clone());
        self.service.call(request)
    }
}
