//! Shapes of real registers, described in `shapes/*.toml` and asked through the
//! whole engine. What answers here says what the public documentation of each
//! shows; the documents are written for these tests, and their people are
//! invented. The sources stand in the descriptions.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use engine::catalogue::{Catalogue, Register, Source};
use engine::clock::Civil;
use engine::engine::{Parts, Running, start};
use engine::entropy::Entropy;
use engine::identity::Demo as Tokens;
use engine::net::Tcp;
use engine::space::MasterKey;
use engine::{cache, http};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Api;

/// A matricule whose check digits are right.
const KEY: &str = "1893120105732";
const LABEL: &str = "{ fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }";
const REGISTERS: [(&str, &str); 4] = [
    ("brp", include_str!("shapes/brp.toml")),
    ("myinfo", include_str!("shapes/myinfo.toml")),
    ("entreprise", include_str!("shapes/entreprise.toml")),
    ("xroad", include_str!("shapes/xroad.toml")),
];

/// An engine whose one register of a shape says one thing to everybody.
struct Shape {
    engine: Running,
    register: &'static str,
    heard: Arc<Mutex<Vec<String>>>,
    _served: JoinHandle<()>,
    _data: TempDir,
}

impl Shape {
    /// `status` is a status line and headers after `HTTP/1.1`.
    fn answering(register: &'static str, status: &str, body: &Value) -> Self {
        let heard = Arc::default();
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        let (address, served) = serve(head + &body, Arc::clone(&heard));
        let parts = Parts {
            catalogue: Arc::new(catalogue()),
            directory: Arc::new(Tokens::new([7; 16])),
            endpoints: [(register.into(), address.into())].into(),
            connect: Arc::new(Tcp),
            room: Arc::new(engine::store::Room::endless()),
            retention: engine::ledger::RETENTION_DEFAULT,
            civil: Civil::system(),
            cache: cache::Config::default(),
            master_key: MasterKey::random(&Entropy::system()),
            spans: None,
            tells_how: false,
            entropy: Box::new(Entropy::system),
        };
        let data = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let engine = start(parts, data.path(), http::Listen::on(listen)).unwrap();
        Self { engine, register, heard, _served: served, _data: data }
    }

    /// The fields of the procedure that asks the register for everything.
    fn fields(&self) -> Value {
        let form = json!({
            "procedure": self.register, "subjects": {"applicant": KEY},
            "presence": format!("demo-person-{KEY}"),
        });
        Api(self.engine.address()).ask("city", &form).reply().ok()["fields"].clone()
    }

    /// What became of one field, without what every field has.
    fn field(&self, name: &str) -> Value {
        let mut field = self.fields()[name].clone();
        for common in ["source", "ageSeconds"] {
            field.as_object_mut().unwrap().remove(common);
        }
        field
    }

    /// The first request that the register heard.
    fn request(&self) -> String {
        self.heard.lock().unwrap().first().expect("it was asked").clone()
    }
}

/// Says the same to every request until the test ends.
fn serve(said: String, heard: Arc<Mutex<Vec<String>>>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut request, mut length) = (String::new(), 0);
            while !request.ends_with("\r\n\r\n") && stream.read_line(&mut request).unwrap() > 0 {
                let line = request.lines().last().unwrap_or_default();
                length =
                    line.strip_prefix("content-length: ").map_or(length, |it| it.parse().unwrap());
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            request.push_str(std::str::from_utf8(&body).unwrap());
            heard.lock().unwrap().push(request);
            // Whoever hung up hears nothing.
            let _ = stream.get_mut().write_all(said.as_bytes());
        }
    });
    (address, served)
}

/// The four registers, and for each a procedure with every attribute of it.
fn catalogue() -> Catalogue {
    let source = |path: String, text: String| Source { path, text };
    let mut sources = Vec::new();
    let mut authority = Vec::new();
    for (name, text) in REGISTERS {
        let described = source(format!("registers/{name}.toml"), text.to_owned());
        let register = Register::compile(&described).unwrap();
        sources.push(described);
        sources.push(source(format!("procedures/{name}.toml"), procedure(&register)));
        authority.push(format!("\"{name}.*\""));
    }
    let organisations = format!(
        "[[organisation]]\nid = \"city\"\nlabel = {LABEL}\nacts-for = [\"city\"]\n\
         [[organisation.authority]]\nprocedures = [\"*\"]\nattributes = [{}]\n",
        authority.join(", ")
    );
    sources.push(source("organisations.toml".to_owned(), organisations));
    Catalogue::compile(&sources).unwrap()
}

fn procedure(register: &Register) -> String {
    let name = &register.name;
    let mut text = format!(
        "id = \"{name}\"\nversion = 1\nowner = \"city\"\nlabel = {LABEL}\npurpose = \"p\"\n\
         legal-basis = \"l\"\n[[role]]\nid = \"applicant\"\n[[step]]\nid = \"s\"\nlabel = {LABEL}\n"
    );
    for attribute in &register.attributes {
        let (id, kind) = (&attribute.name, attribute.kind.as_str());
        text.push_str(&format!(
            "[[step.field]]\nid = \"{id}\"\nlabel = {LABEL}\ntype = \"{kind}\"\n\
             from = [\"{name}.{id}\"]\n"
        ));
    }
    text
}

fn filled(value: &Value) -> Value {
    json!({"status": "filled", "value": value})
}

fn empty() -> Value {
    json!({"status": "empty"})
}

fn unavailable(reason: &str, retry: Option<u32>) -> Value {
    match retry {
        Some(seconds) => {
            json!({"status": "unavailable", "reason": reason, "retryAfterSeconds": seconds})
        }
        None => json!({"status": "unavailable", "reason": reason}),
    }
}

/// A person of the Dutch API with this date of birth.
fn person(birth: &Value) -> Value {
    json!({"type": "RaadpleegMetBurgerservicenummer", "personen": [{
        "burgerservicenummer": KEY,
        "naam": {
            "voornamen": "Arnitta", "geslachtsnaam": "Maassen", "voorletters": "A.",
            "inOnderzoek": {"geslachtsnaam": true, "datumIngangOnderzoek": {
                "type": "Datum", "datum": "2024-03-01", "langFormaat": "1 maart 2024"}},
        },
        "geboorte": {"datum": birth, "plaats": {"code": "0518", "omschrijving": "Den Haag"}},
        "kinderen": [
            {"burgerservicenummer": "2015010112347"}, {"burgerservicenummer": "2018030412349"},
        ],
    }]})
}

#[test]
fn a_nested_answer_is_read_and_says_what_is_under_investigation() {
    let birth = json!({"type": "Datum", "datum": "1989-05-11", "langFormaat": "11 mei 1989"});
    let brp = Shape::answering("brp", "200 OK", &person(&birth));
    assert_eq!(brp.field("givenNames"), filled(&json!("Arnitta")));
    let family = json!({"status": "filled", "value": "Maassen", "underReview": true});
    assert_eq!(brp.field("familyName"), family);
    assert_eq!(brp.field("dateOfBirth"), filled(&json!("1989-05-11")));
    assert_eq!(brp.field("placeOfBirth"), filled(&json!("Den Haag")));
    let children = ["2015010112347", "2018030412349"];
    assert_eq!(brp.field("children"), filled(&json!(children)));
}

#[test]
fn a_date_is_as_long_as_what_is_known_of_it() {
    let rows = [
        (json!({"type": "Datum", "datum": "2020-03-08"}), filled(&json!("2020-03-08"))),
        (json!({"type": "JaarMaandDatum", "jaar": 2020, "maand": 3}), filled(&json!("2020-03"))),
        (json!({"type": "JaarDatum", "jaar": 2020}), filled(&json!("2020"))),
        (json!({"type": "DatumOnbekend", "onbekend": true}), empty()),
        (
            json!({"type": "JaarMaandDatum", "jaar": 2020, "maand": 13}),
            unavailable("invalid", None),
        ),
        (json!({"type": "Datum", "datum": "2020-02-30"}), unavailable("invalid", None)),
    ];
    for (birth, expected) in rows {
        let brp = Shape::answering("brp", "200 OK", &person(&birth));
        assert_eq!(brp.field("dateOfBirth"), expected, "{birth}");
    }
}

#[test]
fn a_call_asks_for_whom_it_is_about_and_for_each_field_once() {
    let brp = Shape::answering("brp", "200 OK", &person(&json!({"type": "DatumOnbekend"})));
    brp.fields();
    let request = brp.request();
    assert!(request.starts_with("POST /haalcentraal/api/brp/personen HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nx-doelbinding: brp\r\n"), "{request}");
    assert!(request.contains("\r\nx-gebruiker: city\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let fields = [
        "burgerservicenummer",
        "naam",
        "geboorte.datum",
        "geboorte.plaats",
        "kinderen.burgerservicenummer",
    ];
    let expected = json!({
        "type": "RaadpleegMetBurgerservicenummer", "burgerservicenummer": [KEY], "fields": fields,
    });
    assert_eq!(body, expected);
}

#[test]
fn a_person_who_is_not_in_the_list_is_unknown() {
    let nobody = json!({"type": "RaadpleegMetBurgerservicenummer", "personen": []});
    let brp = Shape::answering("brp", "200 OK", &nobody);
    assert_eq!(brp.field("familyName"), empty());
    // What the API says of a request that it does not like.
    let problem = json!({"type": "https://example.org", "status": 400, "code": "paramsValidation"});
    let brp = Shape::answering("brp", "400 Bad Request", &problem);
    assert_eq!(brp.field("familyName"), unavailable("error", None));
}

fn leaf(value: &str) -> Value {
    json!({"lastupdated": "2023-03-12", "source": "1", "classification": "C", "value": value})
}

fn myinfo(member: &str, value: &Value) -> Value {
    let mut person = json!({
        "uinfin": leaf(KEY), "name": leaf("TAN XIAO HUI"), "dob": leaf("1998-06-06"),
        "sex": {"lastupdated": "2023-03-12", "source": "1", "classification": "C",
            "code": "F", "desc": "FEMALE"},
        "marriagedate": leaf(""),
        "regadd": {"type": "SG", "lastupdated": "2022-11-30", "source": "1", "classification": "C",
            "block": {"value": "548"}, "street": {"value": "BEDOK NORTH AVENUE 1"},
            "postal": {"value": "460548"}, "country": {"code": "SG", "desc": "SINGAPORE"}},
        "childrenbirthrecords": [
            {"birthcertno": {"value": "S5562882C"}, "lastupdated": "2021-05-02", "source": "1"},
            {"birthcertno": {"value": "T0202564B"}, "lastupdated": "2024-01-15", "source": "1"},
        ],
        "cpfcontributions": {"latest": {"month": leaf("2023-02")}},
    });
    person[member] = value.clone();
    person
}

fn dated(value: &Value, updated: &str) -> Value {
    json!({"status": "filled", "value": value, "lastUpdated": updated})
}

#[test]
fn leaves_are_read_also_inside_of_lists_and_objects() {
    let myinfo = Shape::answering("myinfo", "200 OK", &myinfo("race", &json!({})));
    let fields = [
        ("name", dated(&json!("TAN XIAO HUI"), "2023-03-12")),
        ("sex", dated(&json!("F"), "2023-03-12")),
        ("dateOfBirth", dated(&json!("1998-06-06"), "2023-03-12")),
        ("marriageDate", empty()),
        ("street", dated(&json!("BEDOK NORTH AVENUE 1"), "2022-11-30")),
        ("postCode", dated(&json!("460548"), "2022-11-30")),
        ("children", dated(&json!(["S5562882C", "T0202564B"]), "2024-01-15")),
        ("lastContribution", dated(&json!("2023-02"), "2023-03-12")),
    ];
    for (name, expected) in fields {
        assert_eq!(myinfo.field(name), expected, "{name}");
    }
    let asked = "uinfin,name,sex,dob,marriagedate,regadd,childrenbirthrecords.birthcertno,cpf";
    assert!(myinfo.request().contains(asked), "{}", myinfo.request());
}

#[test]
fn a_leaf_that_is_unavailable_is_not_empty_wherever_it_says_so() {
    let away = json!({"lastupdated": "2020-01-01", "source": "1", "unavailable": true});
    let rows = [("dob", "dateOfBirth"), ("regadd", "street"), ("regadd", "postCode")];
    for (member, field) in rows {
        let myinfo = Shape::answering("myinfo", "200 OK", &myinfo(member, &away));
        assert_eq!(myinfo.field(field), unavailable("error", None), "{member}");
        assert_eq!(myinfo.field("name")["status"], "filled");
    }
    let record = json!({"birthcertno": {"value": "S5562882C"}});
    let children = json!([record, away]);
    let some = Shape::answering("myinfo", "200 OK", &myinfo("childrenbirthrecords", &children));
    assert_eq!(some.field("children"), unavailable("error", None), "not a list of one");
    let none = json!([{"birthcertno": {"value": ""}}]);
    let none = Shape::answering("myinfo", "200 OK", &myinfo("childrenbirthrecords", &none));
    assert_eq!(none.field("children"), empty());
}

fn errors(codes: &[&str], retry: Option<u32>) -> Value {
    let error = |code: &&str| {
        json!({"code": code, "title": "Erreur du fournisseur", "detail": "Le fournisseur ..",
            "source": null, "meta": {"provider": "INSEE", "retry_in": retry}})
    };
    json!({"errors": codes.iter().map(error).collect::<Vec<_>>()})
}

#[test]
fn an_answer_in_an_envelope_is_read() {
    let data = json!({"data": {"siren": KEY, "economie_sociale_et_solidaire": false,
            "personne_morale_attributs": {"raison_sociale": "EXEMPLE"},
            "tranche_effectif_salarie": {"date_reference": "2021", "code": "12"}},
        "links": {"siege_social": "https://example.org"}, "meta": {"redirect_from_siret": null}});
    let company = Shape::answering("entreprise", "200 OK", &data);
    assert_eq!(company.field("name"), filled(&json!("EXEMPLE")));
    assert_eq!(company.field("socialEconomy"), filled(&json!(false)));
    assert_eq!(company.field("staffCountedIn"), filled(&json!("2021")));
}

#[test]
fn errors_in_a_body_mean_what_their_codes_say_whatever_the_status() {
    let rows: [(&str, &[&str], Option<u32>, Value); 10] = [
        ("404 Not Found", &["03003"], None, empty()),
        ("200 OK", &["03003"], None, empty()),
        ("404 Not Found", &["00999"], None, unavailable("error", None)),
        ("502 Bad Gateway", &["04001"], Some(300), unavailable("error", Some(300))),
        ("503 No", &["01010"], Some(60), unavailable("maintenance", Some(60))),
        ("200 OK", &["01010"], Some(60), unavailable("maintenance", Some(60))),
        ("200 OK", &["00429"], Some(2), unavailable("overloaded", Some(2))),
        ("200 OK", &["38002"], None, unavailable("error", None)),
        // Not all of them say that the key is unknown.
        ("404 Not Found", &["03003", "38002"], None, unavailable("error", None)),
        ("429 Slow\r\nretry-after: 7", &["x"], None, unavailable("overloaded", Some(7))),
    ];
    for (status, codes, retry, expected) in rows {
        let company = Shape::answering("entreprise", status, &errors(codes, retry));
        assert_eq!(company.field("name"), expected, "{status} {codes:?}");
    }
    // A 404 of something between us and the register is a wrong path.
    let company = Shape::answering("entreprise", "404 Not Found", &json!({"message": "no route"}));
    assert_eq!(company.field("name"), unavailable("error", None));
}

#[test]
fn an_error_of_the_exchange_layer_is_told_from_the_registers_own() {
    let said = |kind: &str| json!({"type": kind, "message": "..", "detail": "018cbcae"});
    let rows = [
        ("Server.ServerProxy.NetworkError", "error"),
        ("Server.ServerProxy.AccessDenied", "error"),
        ("Server.ServerProxy.ServiceDisabled", "maintenance"),
    ];
    for (kind, reason) in rows {
        for status in ["500 Internal Server Error", "404 Not Found", "200 OK"] {
            let status = format!("{status}\r\nx-road-error: {kind}");
            let pets = Shape::answering("xroad", &status, &said(kind));
            assert_eq!(pets.field("pet"), unavailable(reason, None), "{status}");
        }
    }
    // The service's own answers, without the header, whatever they look like.
    let pet = json!({"owner": KEY, "name": "Siddu", "type": "Server.ServerProxy.ServiceDisabled"});
    let pets = Shape::answering("xroad", "200 OK", &pet);
    assert_eq!(pets.field("pet"), filled(&json!("Siddu")));
    let missing = json!({"type": "about:blank", "status": 404, "title": "Not Found"});
    let pets = Shape::answering("xroad", "404 Not Found", &missing);
    assert_eq!(pets.field("pet"), empty());
}
