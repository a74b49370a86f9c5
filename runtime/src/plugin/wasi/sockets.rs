//! New sockets: TCP as many as a plugin needs, UDP none. Where a TCP socket may connect to is asked when it does.

use std::any::Any;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{IoError, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::plugin::guest::Guest;

/// A plugin with more would take the service's file descriptors.
const MAX_SOCKETS: usize = 64;

/// Links both interfaces.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    tcp_create_socket::add_to_linker::<_, Makers>(linker, maker)?;
    udp_create_socket::add_to_linker::<_, Makers>(linker, maker)
}

struct Makers;

impl HasData for Makers {
    type Data<'a> = Maker<'a>;
}

struct Maker<'a>(&'a mut Guest);

fn maker(guest: &mut Guest) -> Maker<'_> {
    guest.meter.inside();
    Maker(guest)
}

// How errors are told is the same for all of sockets.
impl network::Host for Maker<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        network::Host::convert_error_code(&mut self.0.sockets(), error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.0.sockets(), error)
    }
}

impl network::HostNetwork for Maker<'_> {
    fn drop(&mut self, network: Resource<network::Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.0.sockets(), network)
    }
}

impl tcp_create_socket::Host for Maker<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let is_socket = |entry: &&mut (dyn Any + Send)| entry.is::<TcpSocket>();
        if self.0.table.iter_mut().filter(is_socket).count() >= MAX_SOCKETS {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        self.0.sockets().create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for Maker<'_> {
    async fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.0.setup.tcp.deny_udp();
        Err(ErrorCode::AccessDenied.into())
    }
}
