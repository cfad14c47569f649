//! How answers follow each other.

use super::*;
use crate::{Fault, Resource};

fn origin(script: Script) -> Origin {
    Origin::new(script).unwrap()
}

fn statuses(origin: &Origin, requests: &[Request]) -> Vec<Option<u16>> {
    requests.iter().map(|request| origin.answer(request, Duration::ZERO).status()).collect()
}

/// Basic credentials `ann:pw`.
const ANN: (&str, &str) = ("Authorization", "Basic YW5uOnB3");

#[test]
fn answers_take_turns_and_the_last_one_stays() {
    let route = Route::new(Resource::new(1)).answer(Answer::status(500)).answer(Answer::Offline);
    let origin = origin(Script::new().route("/f", route));
    assert_eq!(statuses(&origin, &vec![Request::get("/f"); 3]), [Some(500), None, None]);
    assert_eq!(statuses(&origin, &[Request::get("/g")]), [Some(404)]);
}

#[test]
fn only_requests_that_are_let_in_use_up_answers() {
    let login = Login::new("ann", "pw").scheme(Scheme::basic("r")).refuse_first(1);
    let route = Route::new(Resource::new(1)).login(login).answer(Answer::status(500)).answer(Answer::serve());
    let origin = origin(Script::new().route("/f", route));
    let right = Request::get("/f").with_header(ANN.0, ANN.1);
    let asked = [Request::get("/f"), right.clone(), Request::get("/f"), right.clone(), right];
    assert_eq!(statuses(&origin, &asked), [401, 401, 401, 500, 200].map(Some));
    let refusals: Vec<_> = origin.log().iter().map(|entry| entry.refusal).collect();
    assert_eq!(refusals[..2], [Some(Refusal::NoCredentials), Some(Refusal::Scripted)]);
    assert_eq!(refusals[3], None);
}

#[test]
fn each_digest_refusal_says_whether_the_nonce_was_stale() {
    let digest = Scheme::Digest {
        realm: "r".into(),
        algorithm: crate::DigestAlgorithm::Md5,
        stale_after: Some(1),
        opaque: None,
    };
    let login = Login::new("ann", "pw").scheme(Scheme::basic("r")).scheme(digest);
    let origin = origin(Script::new().route("/f", Route::new(Resource::new(1)).login(login)));
    let ask = |authorization: Option<String>| {
        let mut request = Request::get("/f");
        request.headers.extend(authorization.map(|value| ("authorization".to_owned(), value)));
        let head = origin.answer(&request, Duration::ZERO).head.unwrap();
        let challenges = head.headers.into_iter().filter(|(name, _)| name == "www-authenticate");
        (head.status, challenges.map(|(_, value)| value).collect::<Vec<_>>())
    };
    let (status, challenges) = ask(None);
    assert_eq!(status, 401);
    assert_eq!(
        challenges,
        [
            "Basic realm=\"r\"",
            "Digest realm=\"r\", qop=\"auth\", algorithm=MD5, nonce=\"00000000b4d055fcf2cbbd7b\"",
        ]
    );
    let mut client = http_auth::PasswordClient::try_from(challenges[1].as_str()).unwrap();
    let mut sign = || {
        let parameters = http_auth::PasswordParams {
            username: "ann",
            password: "pw",
            uri: "/f",
            method: "GET",
            body: None,
        };
        client.respond(&parameters).unwrap()
    };
    let first = sign();
    assert_eq!(ask(Some(first.clone())).0, 200);
    let (status, challenges) = ask(Some(first));
    assert_eq!(status, 401);
    assert!(challenges[1].ends_with("nonce=\"00000001da26e52fa3730902\", stale=false"), "{}", challenges[1]);
    let (_, challenges) = ask(Some(sign()));
    assert!(challenges[1].ends_with("stale=true"), "{}", challenges[1]);
    let elsewhere = sign().replace("uri=\"/f\"", "uri=\"/g\"");
    assert_eq!(ask(Some(elsewhere)), (400, vec![]));
}

#[test]
fn a_new_version_changes_content_and_validators() {
    let resource = Resource::new(16);
    let route = Route::new(resource.clone())
        .answer(Answer::serve())
        .answer(Answer::new_version(Answer::status(500)))
        .answer(Answer::new_version(Answer::serve()));
    let origin = origin(Script::new().route("/f", route));
    let ask = || origin.answer(&Request::get("/f"), Duration::ZERO);
    let versions: Vec<_> = (0..4)
        .map(|_| {
            let plan = ask();
            (plan.status(), plan.steps.last().cloned(), origin.version("/f"))
        })
        .collect();
    let content = |version| Some(Step::Body(resource.content(version)));
    assert_eq!(versions[0], (Some(200), content(0), Some(0)));
    assert_eq!(versions[1], (Some(500), Some(Step::Head), Some(1)));
    assert_eq!(versions[2], (Some(200), content(2), Some(2)));
    assert_eq!(versions[3], (Some(200), content(3), Some(3)), "the last answer repeats with its change");
}

#[test]
fn hosts_have_their_own_routes_and_fall_back() {
    let own = Route::default().answer(Answer::status(201));
    let bare = Route::default().answer(Answer::status(202));
    let origin = origin(Script::new().route("//b.test/f", own).route("/f", bare));
    let hosts =
        ["a.test", "b.test", "B.test:8080", "b.test.", ""].map(|host| Request::get("/f?q").with_host(host));
    assert_eq!(statuses(&origin, &hosts), [202, 201, 201, 202, 202].map(Some));
}

#[test]
fn offline_uses_up_nothing() {
    let route = Route::default().answer(Answer::status(201)).answer(Answer::status(202));
    let origin = origin(Script::new().route("/f", route));
    origin.set_offline(true);
    assert_eq!(origin.answer(&Request::get("/f"), Duration::ZERO), Plan::headless([Step::Refuse]));
    origin.set_offline(false);
    assert_eq!(statuses(&origin, &[Request::get("/f")]), [Some(201)]);
    assert_eq!(origin.log().iter().map(|entry| entry.status).collect::<Vec<_>>(), [None, Some(201)]);
}

#[test]
fn what_needs_the_wire() {
    let route = |answer| Route::new(Resource::new(9)).answer(answer);
    let origin = origin(
        Script::new()
            .route("/plain", route(Answer::serve()))
            .route("/drop", route(Answer::DropBeforeHead))
            .route("/chunked", route(Answer::fault(Fault::Chunked)))
            .route("/late", route(Answer::new_version(Answer::delayed(1))))
            .route("//b.test/plain", route(Answer::fault(Fault::CutAfter(1))))
            .route("/huge", Route::new(Resource::new(1 << 40))),
    );
    for (target, needed) in [
        ("/drop", false),
        ("/chunked?x", false),
        ("/late", true),
        ("/huge", true),
        ("/none", false),
        ("/plain", true),
        ("//a.test/plain", false),
        ("http://b.test:80/plain?x", true),
        ("http://a.test", false),
    ] {
        assert_eq!(origin.needs_wire(target), needed, "{target}");
    }
}

#[test]
fn the_log_is_bounded() {
    let origin = origin(Script::new());
    for _ in 0..LOG_LIMIT + 1 {
        origin.answer(&Request::get("/f"), Duration::ZERO);
    }
    assert_eq!(origin.log().len(), LOG_LIMIT);
}
