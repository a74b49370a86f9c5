//! WASI below Rust's standard library: handles, sockets, HTTP.

use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode as HttpError, Fields, OutgoingRequest, Scheme};
use wasip2::io::poll::Pollable;
use wasip2::random::random;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
    Network,
};
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket};

use crate::reach::WasiRequest;

pub(crate) fn open_handles(count: usize) {
    let mut handles: Vec<Pollable> = Vec::new();
    for _ in 0..count {
        handles.push(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

pub(crate) fn ask_for_random_bytes(count: u64) {
    std::hint::black_box(random::get_random_bytes(count));
}

/// Connects to the first address that the name has.
pub(crate) fn connect(target: &str) -> Result<String, String> {
    let (host, port) = target.rsplit_once(':').ok_or("no port")?;
    let port: u16 = port.parse().map_err(|_| "no port")?;
    let network = instance_network::instance_network();
    let address = resolve(&network, host).map_err(|err| format!("lookup: {err:?}"))?;
    connect_to(&network, address, port).map_err(|err| format!("connect: {err:?}"))?;
    Ok("connected".to_owned())
}

fn resolve(network: &Network, host: &str) -> Result<IpAddress, ErrorCode> {
    let found = ip_name_lookup::resolve_addresses(network, host)?;
    loop {
        match found.resolve_next_address() {
            Ok(Some(address)) => return Ok(address),
            Ok(None) => return Err(ErrorCode::NameUnresolvable),
            Err(ErrorCode::WouldBlock) => found.subscribe().block(),
            Err(err) => return Err(err),
        }
    }
}

fn connect_to(network: &Network, address: IpAddress, port: u16) -> Result<(), ErrorCode> {
    let (family, address) = match address {
        IpAddress::Ipv4(address) => {
            (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }))
        }
        IpAddress::Ipv6(address) => (
            IpAddressFamily::Ipv6,
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 }),
        ),
    };
    let socket = tcp_create_socket::create_tcp_socket(family)?;
    socket.start_connect(network, address)?;
    loop {
        match socket.finish_connect() {
            Ok(_streams) => return Ok(()),
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            Err(err) => return Err(err),
        }
    }
}

pub(crate) fn send(request: &WasiRequest) -> Result<String, String> {
    let outgoing = OutgoingRequest::new(Fields::new());
    let scheme = if request.https { Scheme::Https } else { Scheme::Http };
    outgoing.set_scheme(Some(&scheme)).map_err(|()| "no such scheme")?;
    outgoing.set_authority(Some(&request.authority)).map_err(|()| "no such authority")?;
    outgoing.set_path_with_query(Some(&request.path)).map_err(|()| "no such path")?;
    exchange(outgoing).map(|status| status.to_string()).map_err(|err| format!("{err:?}"))
}

fn exchange(request: OutgoingRequest) -> Result<u16, HttpError> {
    let answer = outgoing_handler::handle(request, None)?;
    loop {
        match answer.get() {
            Some(Ok(response)) => return response.map(|response| response.status()),
            Some(Err(())) => return Err(HttpError::InternalError(None)),
            None => answer.subscribe().block(),
        }
    }
}
