//! What a plugin may reach: what is granted, and nothing else, whatever way it tries.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use loglite_e2e::{Home, Plugin, Server, TinyServer, config, eventually, plugins};
use serde_json::{Value, json};

/// What the plugin got of each target, or the error.
type Outcomes = BTreeMap<(String, String), Result<String, String>>;

const TABLE: &str = "CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp TEXT, what TEXT, target TEXT, got TEXT, error TEXT);";

const SECRET: &str = "nobody's business";

/// The service with a harvester that reaches for all of this, as it is granted, once it has.
fn reach(home: &Home, grant: &Value, reach: &Value) -> (Server, Outcomes) {
    let harvester = Plugin::harvester("nosy", "faulty-harvester", &json!({"reach": reach}))
        .with("grant", grant.clone())
        .with("limits", json!({"time_per_call": "5s"}));
    home.write_config(&config::with_table(TABLE, &plugins::keys(&[harvester], &[])));
    let launch = home.launch(&["serve", "-c", "config.yaml"]);
    let server = launch.env("E2E_GRANTED", "for the plugin").env("E2E_SECRET", SECRET).serve();
    let outcomes = eventually("the plugin has tried all", || {
        let status = server.plugin("nosy");
        assert_eq!(status.count("failures"), 0, "{status}");
        (status.entries("stored") > 0).then(|| outcomes(&server))
    });
    assert!(!server.get("/logs?limit=1000").text().contains(SECRET), "a secret got out");
    (server, outcomes)
}

fn outcomes(server: &Server) -> Outcomes {
    let database = server.home().database();
    let sql = "SELECT what, target, got, error FROM Log";
    let mut statement = database.prepare(sql).expect("the table is there");
    let outcomes = statement.query_map([], |row| {
        let (got, error): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        Ok(((row.get(0)?, row.get(1)?), got.ok_or(error.unwrap_or_default())))
    });
    outcomes.and_then(Iterator::collect).expect("the table can be read")
}

/// The outcomes of one kind that brought something, as `target: what`.
fn got<'o>(outcomes: &'o Outcomes, kind: &str) -> BTreeMap<&'o str, &'o str> {
    let of_kind = outcomes.iter().filter(|((what, _), _)| what == kind);
    let good =
        of_kind.filter_map(|((_, target), outcome)| Some((&**target, outcome.as_deref().ok()?)));
    good.collect()
}

fn error<'o>(outcomes: &'o Outcomes, what: &str, target: &str) -> &'o str {
    let outcome = outcomes.get(&(what.to_owned(), target.to_owned())).expect("it was tried");
    outcome.as_ref().expect_err("it is denied")
}

/// `open/` with a file and ways out of it, `out/`, and a secret beside them.
fn directories() -> Home {
    let home = Home::empty();
    let path = |name: &str| home.path().join(name);
    let made = (|| {
        fs::create_dir_all(path("open/sub"))?;
        fs::create_dir(path("out"))?;
        fs::create_dir(path("closed"))?;
        fs::write(path("open/file"), "for all")?;
        fs::write(path("closed/secret"), SECRET)?;
        symlink(path("closed/secret"), path("open/absolute-link"))?;
        symlink("../closed/secret", path("open/relative-link"))?;
        symlink("../closed", path("open/linked"))?;
        symlink("file", path("open/inner-link"))
    })();
    made.expect("the test's directory is writable");
    home
}

#[test]
fn a_granted_directory_is_read_and_not_left() {
    let home = directories();
    let grant =
        json!({"dirs": [{"host": home.path().join("open"), "guest": "/logs", "access": "read"}]});
    let host_path = home.path().join("open/file").display().to_string();
    let paths = [
        "/logs/file",
        "/logs/sub/../file",
        "/logs/inner-link",
        "/logs/../closed/secret",
        "/logs/sub/../../closed/secret",
        "/logs/absolute-link",
        "/logs/relative-link",
        "/logs/linked/secret",
        "/logs/..",
        "/logs/linked",
        "../closed/secret",
        "closed/secret",
        "/closed/secret",
        "/",
        ".",
        "/etc/passwd",
        "/proc/self/environ",
        &host_path,
    ];

    let (_server, outcomes) = reach(&home, &grant, &json!({"paths": paths}));

    let granted =
        ["/logs/file", "/logs/inner-link", "/logs/sub/../file"].map(|path| (path, "for all"));
    assert_eq!(got(&outcomes, "path"), BTreeMap::from(granted));
}

#[test]
fn a_directory_is_written_only_where_that_is_granted() {
    let home = directories();
    let dir = |host: &str, guest, access| json!({"host": home.path().join(host), "guest": guest, "access": access});
    let grant = json!({"dirs": [dir("open", "/logs", "read"), dir("out", "/out", "read-write")]});
    let writes = [
        "/out/new",
        "/out/../closed/new",
        "/logs/new",
        "/logs/file",
        "/logs/relative-link",
        "/tmp/new",
        "new",
    ];

    let (_server, outcomes) = reach(&home, &grant, &json!({"writes": writes}));

    assert_eq!(got(&outcomes, "write"), BTreeMap::from([("/out/new", "written")]));
    let read = |name| fs::read_to_string(home.path().join(name)).ok();
    assert_eq!(read("out/new").as_deref(), Some("written by a plugin"));
    assert_eq!(read("open/file").as_deref(), Some("for all"));
    assert_eq!(read("closed/secret").as_deref(), Some(SECRET));
    assert_eq!((read("open/new"), read("closed/new"), read("new")), (None, None, None));
}

#[test]
fn without_a_grant_there_are_no_files_at_all() {
    let home = directories();
    let secret = home.path().join("closed/secret").display().to_string();
    let tried = json!({"paths": ["/", ".", "..", "/etc/passwd", "/dev/null", secret], "writes": ["/tmp/x", "x"]});
    let (_server, outcomes) = reach(&home, &json!({}), &tried);
    assert_eq!(outcomes.len(), 8);
    assert!(outcomes.values().all(Result::is_err), "{outcomes:?}");
}

#[test]
fn only_granted_variables_are_seen() {
    let tried = json!({"env": ["E2E_GRANTED", "E2E_SECRET", "PATH", "HOME", "*"]});
    let (_server, outcomes) = reach(&Home::empty(), &json!({"env": ["E2E_GRANTED"]}), &tried);
    let seen = [("*", "E2E_GRANTED"), ("E2E_GRANTED", "for the plugin")];
    assert_eq!(got(&outcomes, "env"), BTreeMap::from(seen));
}

/// A port on loopback, and whether somebody came.
struct Port(TcpListener);

impl Port {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        listener.set_nonblocking(true).expect("a listener need not wait");
        Self(listener)
    }

    fn number(&self) -> u16 {
        self.0.local_addr().expect("a listener has an address").port()
    }

    fn visits(&self) -> usize {
        std::iter::from_fn(|| self.0.accept().ok()).take(100).count()
    }
}

#[test]
fn only_granted_addresses_are_connected_to() {
    let (open, named, closed) = (Port::open(), Port::open(), Port::open());
    let (o, n, c) = (open.number(), named.number(), closed.number());
    // Another name of loopback, which the resolver knows.
    let sly = format!("0x7f000001:{c}");
    let grant = json!({"tcp": [format!("127.0.0.1:{o}"), format!("localhost:{n}"), sly]});
    let denied = [
        format!("127.0.0.1:{c}"),
        format!("localhost:{c}"),
        format!("0.0.0.0:{c}"),
        sly,
        format!("[::ffff:127.0.0.1]:{c}"),
        format!("127.0.0.2:{o}"),
        format!("0.0.0.0:{o}"),
    ];
    let granted = [format!("127.0.0.1:{o}"), format!("localhost:{n}")];
    let tried: Vec<_> = granted.iter().chain(&denied).collect();

    let (server, outcomes) = reach(&Home::empty(), &grant, &json!({"tcp": tried}));

    let connected: Vec<_> = got(&outcomes, "tcp").into_keys().collect();
    let mut expected: Vec<_> = granted.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(connected, expected);
    assert_eq!((open.visits(), named.visits(), closed.visits()), (1, 1, 0));
    assert_operator_sees(&server, &format!("127.0.0.1:{c}"), "grant: {tcp:");
}

fn assert_operator_sees(server: &Server, target: &str, grant: &str) {
    server.wait_for_log(&["WARN", "nosy", target, grant]);
    let denials = "loglite_plugin_denials_total{plugin=\"nosy\",kind=\"harvester\"}";
    assert!(server.metric(denials) >= 1.0);
    assert!(server.plugin("nosy").count("denials") > 0);
}

#[test]
fn without_a_grant_there_is_no_network() {
    let (port, web) = (Port::open(), TinyServer::saying(SECRET));
    let (tcp, http) = (port.number(), web.address());
    let tried = json!({
        "tcp": [format!("127.0.0.1:{tcp}"), format!("localhost:{tcp}")],
        "urls": [format!("http://{http}/"), format!("https://{http}/")],
        "wasi_http": [{"authority": http.to_string(), "path": "/"}],
    });
    let (server, outcomes) = reach(&Home::empty(), &json!({}), &tried);
    assert_eq!(outcomes.len(), 5);
    assert!(outcomes.values().all(Result::is_err), "{outcomes:?}");
    assert_eq!((port.visits(), web.asked()), (0, Vec::new()));
    assert_operator_sees(&server, &http.to_string(), "grant: {http:");
}

#[test]
fn only_granted_authorities_are_asked() {
    let closed = TinyServer::saying(SECRET);
    let c = closed.address();
    let away = format!("Location: http://{c}/\r\n");
    let open = TinyServer::start(Box::new(move |path| match path {
        "/away" => (302, away.clone(), String::new()),
        _ => (200, String::new(), "hello".to_owned()),
    }));
    let o = open.address();
    let (op, cp) = (o.port(), c.port());
    let good = format!("http://{o}/ok");
    let redirect = format!("http://{o}/away");
    let denied = [
        format!("http://{c}/"),
        format!("https://{c}/"),
        format!("http://localhost:{op}/"),
        "http://127.0.0.1/".to_owned(),
        format!("http://127.0.0.1:{op}@127.0.0.1:{cp}/"),
        format!("http://{o}@{c}/"),
        format!("http://user:password@{c}/"),
        format!("http://{c}#@{o}/"),
        format!("http://{c}?@{o}/"),
        format!("http://{c}\\@{o}/"),
        format!("http://127.1:{cp}/"),
        format!("http://0x7f000001:{cp}/"),
        format!("http://2130706433:{cp}/"),
        format!("http://0.0.0.0:{cp}/"),
        format!("http://[::ffff:127.0.0.1]:{cp}/"),
        format!("http://localhost:{cp}/"),
        format!("//{c}/"),
        format!("{c}"),
        "file:///etc/passwd".into(),
        format!("ftp://{o}/"),
        format!("http://{o}\r\nHost: {c}/"),
        format!("http://{o} http://{c}/"),
    ];
    let urls: Vec<_> = [&good, &redirect].into_iter().chain(&denied).collect();
    let wasi = |authority: String, path: String| json!({"authority": authority, "path": path});
    let wasi_http = [
        wasi(o.to_string(), "/ok".into()),
        wasi(c.to_string(), "/".into()),
        wasi(format!("{o}@{c}"), "/".into()),
        wasi(format!("user@{c}"), "/".into()),
        wasi(format!("localhost:{cp}"), "/".into()),
        wasi(format!("0x7f000001:{cp}"), "/".into()),
    ];
    // A name that leads to a private address, though it is granted.
    let grant = json!({"http": [o.to_string(), format!("0x7f000001:{cp}")]});

    let tried = json!({"urls": urls, "wasi_http": wasi_http});
    let (server, outcomes) = reach(&Home::empty(), &grant, &tried);

    let seen = [(&*good, "200 hello"), (&*redirect, "302 ")];
    assert_eq!(got(&outcomes, "url"), BTreeMap::from(seen));
    assert_eq!(got(&outcomes, "wasi-http"), BTreeMap::from([(&*o.to_string(), "200")]));
    assert_eq!(closed.asked(), Vec::<String>::new(), "{outcomes:?}");
    assert_eq!(open.asked().len(), 3, "{:?}", open.asked());
    assert!(error(&outcomes, "url", &format!("http://{c}/")).contains("grant"), "{outcomes:?}");
    assert_operator_sees(&server, &c.to_string(), "grant: {http:");
}

#[test]
fn a_path_that_is_an_absolute_url_does_not_lead_elsewhere() {
    let (open, closed) = (TinyServer::saying("hello"), TinyServer::saying(SECRET));
    let (o, c) = (open.address(), closed.address());
    let paths =
        [format!("http://{c}/"), format!("//{c}/"), format!("@{c}/"), "/\r\nHost: x".to_owned()];
    let requests: Vec<_> =
        paths.iter().map(|path| json!({"authority": o.to_string(), "path": path})).collect();
    let grant = json!({"http": [o.to_string()]});

    let (_server, _) = reach(&Home::empty(), &grant, &json!({"wasi_http": requests}));

    assert_eq!(closed.asked(), Vec::<String>::new());
    for head in open.asked() {
        assert!(head.contains(&format!("{o}\r\n")) && !head.contains("Host: x"), "{head}");
    }
}

#[test]
fn a_transform_is_granted_things_in_the_same_way() {
    let (open, closed) = (TinyServer::saying("hello"), TinyServer::saying(SECRET));
    let (o, c) = (open.address(), closed.address());
    let reach = json!({"urls": [format!("http://{o}/"), format!("http://{c}/")], "env": ["E2E_GRANTED", "HOME"]});
    let transform = Plugin::transform("nosy", "faulty-transform", &json!({"reach": reach}))
        .with("grant", json!({"http": [o.to_string()], "env": ["E2E_GRANTED"]}));
    let home = Home::new(&config::with_table(TABLE, &plugins::keys(&[], &[transform])));
    let server = home.launch(&["serve", "-c", "config.yaml"]).env("E2E_GRANTED", "yes").serve();

    let answer = server.post(json!({"what": "any"}).to_string());

    assert_eq!(answer.at("/result/stored"), 4, "{answer:?}");
    let outcomes = outcomes(&server);
    assert_eq!(got(&outcomes, "url").into_values().collect::<Vec<_>>(), ["200 hello"]);
    assert_eq!(got(&outcomes, "env"), BTreeMap::from([("E2E_GRANTED", "yes")]));
    assert_eq!(closed.asked(), Vec::<String>::new());
}
