//! Doubles and real parts for scenarios: origins, clients, started proxies, ports, folders, waiting.
//!
//! Everything here is a plain struct that cleans up after itself when dropped. Nothing here asserts: a double
//! reports what happened as a value or as [`Trouble`], the scenario decides. Ports come from the kernel, and
//! waiting is always for a condition with a deadline ([`wait::until`]). Traffic stays on loopback.
//!
//! Read next: `proxy.rs` (the thing under test), then `origin.rs` and `client.rs` (both sides of it).

pub mod client;
pub mod node;
pub mod oracle;
pub mod origin;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod screen;
pub mod temp;
pub mod trouble;
pub mod wait;

pub use client::{Exchange, HttpClient, RawClient};
pub use origin::{Answer, Framing, Origin, Step};
pub use ports::Port;
pub use process::{Launch, Process};
pub use proxy::{Kind, Proxy};
pub use screen::Screen;
pub use temp::Folder;
pub use trouble::{Result, Trouble};
