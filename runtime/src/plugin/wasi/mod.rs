//! WASI 0.2 as plugins get it: wasmtime's implementation, watched.
//!
//! Each function is linked with a getter that tells the instance's meter whether the call may wait for something
//! outside. What waits for a clock may wait as long as it likes, and names are resolved by loglite.

mod files;
mod names;
mod poll;
mod requests;
mod sockets;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliCtxView, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets as network};
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx, WasiRandomView};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView, WasiSocketsView};
use wasmtime_wasi_http::p2::bindings::http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::bindings::wasi::io;

use super::guest::Guest;

type Linking = wasmtime::Result<()>;

/// All of WASI that a plugin may import.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Linking {
    add_cli(linker)?;
    add_io(linker)?;
    add_sockets(linker)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, clocks_of)?;
    random::random::add_to_linker::<_, WasiRandom>(linker, random_of)?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, random_of)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, random_of)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, files_of)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, files_of)?;
    files::bound_files(linker)?;
    let options = wasmtime_wasi_http::p2::bindings::LinkOptions::default();
    http::outgoing_handler::add_to_linker::<_, WasiHttp>(linker, http_of)?;
    http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), http_of)?;
    requests::bound_texts(linker)
}

fn add_cli(linker: &mut Linker<Guest>) -> Linking {
    cli::exit::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, cli_of)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, cli_of)
}

fn add_io(linker: &mut Linker<Guest>) -> Linking {
    io::error::add_to_linker::<_, Table>(linker, table_of)?;
    io::streams::add_to_linker::<_, Table>(linker, table_of)?;
    poll::add_to_linker(linker)
}

fn add_sockets(linker: &mut Linker<Guest>) -> Linking {
    let options = wasmtime_wasi::p2::bindings::LinkOptions::default();
    network::network::add_to_linker::<_, WasiSockets>(linker, &(&options).into(), sockets_of)?;
    network::instance_network::add_to_linker::<_, WasiSockets>(linker, sockets_of)?;
    network::tcp::add_to_linker::<_, WasiSockets>(linker, sockets_of)?;
    // There, so that what imports it loads; not allowed.
    network::udp::add_to_linker::<_, WasiSockets>(linker, sockets_of)?;
    sockets::add_to_linker(linker)?;
    names::add_to_linker(linker)
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn cli_of(guest: &mut Guest) -> WasiCliCtxView<'_> {
    guest.meter.inside();
    guest.cli()
}

fn clocks_of(guest: &mut Guest) -> WasiClocksCtxView<'_> {
    guest.meter.inside();
    guest.clocks()
}

fn random_of(guest: &mut Guest) -> &mut WasiRandomCtx {
    guest.meter.inside();
    guest.random()
}

fn files_of(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    guest.meter.outside();
    guest.filesystem()
}

fn sockets_of(guest: &mut Guest) -> WasiSocketsCtxView<'_> {
    guest.meter.outside();
    guest.sockets()
}

fn http_of(guest: &mut Guest) -> WasiHttpCtxView<'_> {
    guest.meter.outside();
    guest.http()
}

fn table_of(guest: &mut Guest) -> &mut ResourceTable {
    guest.meter.outside();
    guest.ctx().table
}
