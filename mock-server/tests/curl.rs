//! The program as curl sees it: a client written by others, with its own idea of HTTP.
//!
//! Without curl these tests say so and pass, except where `CI=true`: there a check that did not run is a failure.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use bgsession_mock_server::{
    Answer, DigestAlgorithm, Fault, Login, Ranges, Resource, RetryAfter, Route, Scheme, Script,
};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The program with a script, stopped on drop, and a folder for downloads.
struct Served {
    program: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has no way to end by itself; whether it has already ended does not matter here.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What curl says on its way out.
#[derive(Debug, PartialEq, Eq)]
struct Curl {
    /// Exit code.
    exit: i32,
    /// Status of the last answer; 0 for none.
    status: u16,
}

fn served(script: &Script) -> Option<Served> {
    if let Err(error) = Command::new("curl").arg("--version").output() {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "curl must be installed where CI=true");
        skip();
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.json");
    std::fs::write(&path, script.to_json()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_bgsession-mock-server"))
        .arg(&path)
        .arg("--log")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim_end().strip_prefix("listening on http://127.0.0.1:").unwrap().parse().unwrap();
    Some(Served { program, port, folder })
}

#[expect(clippy::print_stderr, reason = "a check that did not run must not look like one that passed")]
fn skip() {
    eprintln!("skipped: curl not installed");
}

impl Served {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Downloads to a file of that name.
    fn curl(&self, name: &str, arguments: &[&str]) -> Curl {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--max-time",
                "20",
                "--noproxy",
                "*",
                "--write-out",
                "%{http_code}",
                "--output",
            ])
            .arg(self.file(name))
            .args(arguments)
            .output()
            .unwrap();
        let status = String::from_utf8(output.stdout).unwrap().parse().unwrap();
        Curl { exit: output.status.code().unwrap(), status }
    }

    /// Stops the program and returns what it logged, without the times.
    fn log(mut self) -> Vec<String> {
        self.program.kill().unwrap();
        let mut text = String::new();
        self.program.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        let port = format!(":{}", self.port);
        text.lines().map(|line| line.split_once(' ').unwrap().1.replace(&port, "")).collect()
    }
}

fn ok(status: u16) -> Curl {
    Curl { exit: 0, status }
}

#[test]
fn logins_with_right_and_wrong_passwords() {
    let behind =
        |scheme| Route::new(Resource::new(100)).login(Login::new("ännchen", "s3:cr€t").scheme(scheme));
    let both = Login::new("ann", "pw")
        .scheme(Scheme::basic("home"))
        .scheme(Scheme::digest("home", DigestAlgorithm::Sha256));
    let script = Script::new()
        .route("/basic", behind(Scheme::Basic { realm: "home".into(), charset_utf8: true }))
        .route("/md5", behind(Scheme::digest("ho \"me\"", DigestAlgorithm::Md5)))
        .route("/sha256", behind(Scheme::digest("home", DigestAlgorithm::Sha256)))
        .route("/both", Route::new(Resource::new(100)).login(both));
    let Some(served) = served(&script) else { return };
    for (path, scheme) in [("/basic", "--basic"), ("/md5", "--digest"), ("/sha256", "--digest")] {
        let url = served.url(path);
        let ask = |credentials| served.curl("out", &[scheme, "--user", credentials, &url]);
        assert_eq!(ask("ännchen:s3:cr€t"), ok(200), "{path}");
        assert_eq!(ask("ännchen:wrong"), ok(401), "{path}");
        assert_eq!(ask("other:s3:cr€t"), ok(401), "{path}");
        assert_eq!(served.curl("out", &[&url]), ok(401), "{path}");
    }
    assert_eq!(served.curl("out", &["--anyauth", "--user", "ann:pw", &served.url("/both")]), ok(200));
    let log = served.log();
    assert_eq!(log.last().unwrap(), "GET 127.0.0.1 /both (Digest user=ann) -> 200");
    assert!(!log.iter().any(|line| line.contains("401") && line.contains("nonce count")), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("s3:cr€t")), "{log:#?}");
}

#[test]
fn a_stale_nonce_is_renewed_without_asking_again() {
    let digest = Scheme::Digest {
        realm: "home".into(),
        algorithm: DigestAlgorithm::Md5,
        stale_after: Some(1),
        opaque: Some("abc".into()),
    };
    let route = Route::new(Resource::new(10))
        .login(Login::new("ann", "pw").scheme(digest))
        .answer(Answer::redirect(302, "/f"))
        .answer(Answer::serve());
    let Some(served) = served(&Script::new().route("/f", route)) else {
        return;
    };
    let url = served.url("/f");
    assert_eq!(served.curl("out", &["--location", "--digest", "--user", "ann:pw", &url]), ok(200));
    assert_eq!(
        served.log(),
        [
            "GET 127.0.0.1 /f -> 401 (no credentials)",
            "GET 127.0.0.1 /f (Digest user=ann) -> 302",
            "GET 127.0.0.1 /f (Digest user=ann) -> 401 (stale nonce)",
            "GET 127.0.0.1 /f (Digest user=ann) -> 200",
        ]
    );
}

#[test]
fn a_cut_download_is_resumed_to_the_same_file() {
    let resource = Resource::new(1 << 20).seed(7);
    let route = |ranges| {
        Route::new(resource.clone())
            .ranges(ranges)
            .answer(Answer::fault(Fault::CutAfter(500_000)))
            .answer(Answer::serve())
    };
    let servers =
        [Ranges::Strict, Ranges::Apache, Ranges::Nginx, Ranges::Lighttpd, Ranges::Caddy, Ranges::Httpbin];
    let script =
        servers.iter().fold(Script::new().route("/whole", route(Ranges::Ignored)), |script, ranges| {
            script.route(format!("/{ranges:?}"), route(*ranges))
        });
    let Some(served) = served(&script) else { return };
    for server in servers {
        let url = served.url(&format!("/{server:?}"));
        // 18: the transfer ended with bytes outstanding.
        assert_eq!(served.curl("part", &[&url]), Curl { exit: 18, status: 200 }, "{server:?}");
        assert_eq!(std::fs::metadata(served.file("part")).unwrap().len(), 500_000);
        assert_eq!(served.curl("part", &["-C", "-", &url]), ok(206), "{server:?}");
        assert!(std::fs::read(served.file("part")).unwrap() == resource.content(0).bytes(), "{server:?}");
        std::fs::remove_file(served.file("part")).unwrap();
    }
    let url = served.url("/whole");
    assert_eq!(served.curl("part", &[&url]).exit, 18);
    // 33: the server does not do ranges, so curl refuses to resume.
    assert_eq!(served.curl("part", &["-C", "-", &url]).exit, 33);
}

#[test]
fn broken_answers_as_curl_names_them() {
    // 1: not HTTP; 18: bytes outstanding; 28: timed out; 52: nothing came; 56: broken off or unreadable.
    let table = [
        (Answer::DropBeforeHead, 52, 0),
        (Answer::ResetBeforeHead, 56, 0),
        (Answer::Offline, 56, 0),
        (Answer::Garbage("not HTTP at all\r\n".into()), 1, 0),
        (Answer::fault(Fault::ResetAfter(400)), 56, 200),
        (Answer::fault(Fault::BadChunk), 56, 200),
        (Answer::fault(Fault::LyingLength(2_000)), 18, 200),
        (Answer::StallBeforeHead, 28, 0),
    ];
    let script = table.iter().enumerate().fold(Script::new(), |script, (n, (answer, ..))| {
        script.route(format!("/{n}"), Route::new(Resource::new(1_000)).answer(answer.clone()))
    });
    let Some(served) = served(&script) else { return };
    for (n, (answer, exit, status)) in table.into_iter().enumerate() {
        // Only for silence does curl have to wait that long.
        let patience = if answer == Answer::StallBeforeHead { "0.3" } else { "20" };
        let curl = served.curl("out", &["--max-time", patience, &served.url(&format!("/{n}"))]);
        assert_eq!(curl, Curl { exit, status }, "{answer:?}");
        if answer == Answer::fault(Fault::ResetAfter(400)) {
            assert_eq!(std::fs::metadata(served.file("out")).unwrap().len(), 400);
        }
    }
}

#[test]
fn unusual_but_complete_answers() {
    let table = [
        (Fault::LyingLength(200), 200),
        (Fault::Chunked, 1_000),
        (Fault::UntilClose, 1_000),
        (Fault::Drip { piece: 300, every_ms: 1 }, 1_000),
    ];
    let script = table.iter().enumerate().fold(Script::new(), |script, (n, (fault, _))| {
        script.route(format!("/{n}"), Route::new(Resource::new(1_000)).answer(Answer::fault(fault.clone())))
    });
    let busy = Route::default().answer(Answer::retry_after(503, RetryAfter::Secs(0))).answer(Answer::serve());
    let Some(served) = served(&script.route("/busy", busy)) else {
        return;
    };
    for (n, (fault, length)) in table.into_iter().enumerate() {
        assert_eq!(served.curl("out", &[&served.url(&format!("/{n}"))]), ok(200), "{fault:?}");
        assert_eq!(std::fs::metadata(served.file("out")).unwrap().len(), length, "{fault:?}");
    }
    assert_eq!(served.curl("out", &["--retry", "1", &served.url("/busy")]), ok(200));
}

#[test]
fn credentials_stay_with_their_origin() {
    let login = Login::new("ann", "pw").scheme(Scheme::basic("home"));
    let script = Script::new()
        .route("/start", Route::default().answer(Answer::redirect(302, "http://localhost:{port}/file")))
        .route("/same", Route::default().answer(Answer::redirect(307, "/file")))
        .route("/loop", Route::default().answer(Answer::redirect(301, "/loop")))
        .route("//localhost/file", Route::new(Resource::new(10)).login(login.clone()))
        .route("/file", Route::new(Resource::new(20)).login(login));
    let Some(served) = served(&script) else { return };
    let ask = |arguments: &[&str], path: &str| {
        let mut all = vec!["--basic", "--user", "ann:pw", "--max-redirs", "5"];
        all.extend_from_slice(arguments);
        let url = served.url(path);
        all.push(&url);
        served.curl("out", &all)
    };
    assert_eq!(ask(&["--location"], "/same"), ok(200), "the same origin gets them");
    assert_eq!(ask(&["--location"], "/start"), ok(401), "another one does not");
    assert_eq!(ask(&["--location-trusted"], "/start"), ok(200), "unless it is trusted");
    assert_eq!(std::fs::metadata(served.file("out")).unwrap().len(), 10, "and that is the other origin");
    assert_eq!(ask(&["--location"], "/loop"), Curl { exit: 47, status: 301 }, "too many redirects");
    let log = served.log();
    assert_eq!(log[3], "GET localhost /file -> 401 (no credentials)");
}

#[test]
fn uploads_and_head() {
    let Some(served) = served(&Script::new().route("/f", Route::new(Resource::new(10)))) else {
        return;
    };
    let big = served.file("big");
    std::fs::write(&big, vec![b'x'; 3 << 20]).unwrap();
    let data = format!("@{}", big.display());
    let url = served.url("/f");
    // Large enough that curl asks for leave first (`Expect: 100-continue`).
    assert_eq!(served.curl("out", &["--data-binary", &data, &url]), ok(200));
    let chunked = ["--header", "Transfer-Encoding: chunked", "--upload-file", big.to_str().unwrap(), &url];
    assert_eq!(served.curl("out", &chunked), ok(200));
    assert_eq!(served.curl("out", &["--head", &url]), ok(200));
    let expected = [
        "POST 127.0.0.1 /f body=3145728 -> 200",
        "PUT 127.0.0.1 /f body=3145728 -> 200",
        "HEAD 127.0.0.1 /f -> 200",
    ];
    assert_eq!(served.log(), expected);
}
