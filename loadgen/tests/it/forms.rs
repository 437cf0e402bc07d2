//! What the fake offers, and what is true about its subjects.

use fixtures::{Country, Truth};
use serde_json::{Value, json};

type Fields = &'static [(&'static str, &'static str, &'static [&'static str])];

/// A procedure of the fake: its name, its roles, and its fields as name, role
/// and sources.
struct Form {
    id: &'static str,
    roles: &'static [&'static str],
    fields: Fields,
}

const APPLICANT: &str = "applicant";
const CHILD: &str = "child";
const COMPANY: &str = "company";

/// The first is for one person; nobody is known for the last.
const FORMS: [Form; 5] = [
    Form {
        id: "some-form",
        roles: &[APPLICANT],
        fields: &[
            ("familyName", APPLICANT, &["rnpp.familyName"]),
            ("birthName", APPLICANT, &["rnpp.birthName", "rnpp.familyName"]),
            ("plate", APPLICANT, &["snca.plate"]),
            ("employer", APPLICANT, &["ccss.employer"]),
            ("remarks", APPLICANT, &[]),
        ],
    },
    Form {
        id: "family-form",
        roles: &[APPLICANT, CHILD],
        fields: &[
            ("postCode", APPLICANT, &["caclr.postCode"]),
            ("childGivenName", CHILD, &["rnpp.givenName"]),
            ("iban", APPLICANT, &["space.iban", "cns.reimbursementIban"]),
        ],
    },
    Form {
        id: "company-form",
        roles: &[APPLICANT, COMPANY],
        fields: &[
            ("familyName", APPLICANT, &["rnpp.familyName"]),
            ("legalName", COMPANY, &["rcs.legalName"]),
            ("upToDate", COMPANY, &["rbe.upToDate"]),
        ],
    },
    Form {
        id: "joint-form",
        roles: &[APPLICANT, CHILD, COMPANY],
        fields: &[
            ("childDateOfBirth", CHILD, &["rnpp.dateOfBirth"]),
            ("managers", COMPANY, &["rcs.managers"]),
        ],
    },
    Form {
        id: "couple-form",
        roles: &[APPLICANT, "partner"],
        fields: &[("familyName", APPLICANT, &["rnpp.familyName"])],
    },
];

/// The procedures that it can be asked for and those that it cannot, in pages.
pub(crate) fn page(line: &str) -> Option<Value> {
    let row = |form: &Form| json!({"id": form.id, "prefilled": true, "professionalOnly": false});
    let by_hand = json!({"id": "by-hand-form", "prefilled": false, "professionalOnly": false});
    match line {
        "GET /v1/procedures HTTP/1.1" => {
            let rows: Vec<_> = FORMS[..3].iter().map(row).chain([by_hand]).collect();
            Some(json!({"procedures": rows, "next": "by-hand-form"}))
        }
        "GET /v1/procedures?after=by-hand-form HTTP/1.1" => {
            let rows: Vec<_> = FORMS[3..].iter().map(row).collect();
            Some(json!({"procedures": rows, "next": null}))
        }
        _ => None,
    }
}

/// The description of a procedure, where one is asked for.
pub(crate) fn description(line: &str) -> Option<Value> {
    let id = line.strip_prefix("GET /v1/procedures/")?.strip_suffix(" HTTP/1.1")?;
    let form = FORMS.iter().find(|form| form.id == id)?;
    let role = |id: &&str| {
        let is = if *id == COMPANY { "legal" } else { "natural" };
        json!({"id": id, "is": is, "minorsOnly": *id == CHILD})
    };
    let field = |(name, role, sources): &(&str, &str, &[&str])| {
        json!({"name": name, "role": role, "sources": sources, "required": false,
            "backOffice": false, "label": {"en": "A field"}})
    };
    Some(json!({"id": form.id, "version": 2, "organisation": "justice", "deadlineMs": 2000,
        "roles": form.roles.iter().map(role).collect::<Vec<_>>(),
        "fields": form.fields.iter().map(field).collect::<Vec<_>>(),
        "steps": [], "notices": [{"code": "look-here", "text": {"en": "Look here."}}]}))
}

/// How a bundle is composed.
#[derive(Clone, Copy)]
pub(crate) struct Honesty {
    /// Whether what somebody refuses is withheld.
    pub(crate) withholds: bool,
    /// Whether each company is taken for the one before it.
    pub(crate) confuses_companies: bool,
    /// Whether children are of age, and so not their parents' to see.
    pub(crate) hides_children: bool,
}

/// The bundle about people of the default seed's country of 400.
pub(crate) fn bundle(asked: &Value, honesty: Honesty) -> Value {
    let country = Country::new(1, 400).expect("a country");
    let form = FORMS.iter().find(|form| asked["procedure"] == form.id).expect("a procedure");
    let subject = |role: &str| asked["subjects"][role].as_str().expect("a subject").to_owned();
    let applicant = subject(APPLICANT);
    let refuses = honesty.withholds && refuses_rnpp(&country, &applicant);
    let (mut fields, mut sources, mut complete) = (json!({}), json!({}), true);
    let answered = || json!({"outcome": "answered"});
    for (name, role, from) in form.fields.iter().filter(|(_, _, from)| !from.is_empty()) {
        let (subject, register) = (subject(role), from[0].split('.').next().expect("a register"));
        let is_hidden = honesty.hides_children && *role == CHILD;
        if is_hidden || refuses && ["rnpp", "caclr"].contains(&register) {
            complete = false;
            let reason = if *role == CHILD { "role" } else { "preference" };
            fields[name] = json!({"status": "withheld", "source": "rnpp", "reason": reason});
            continue;
        }
        let subject = match honesty.confuses_companies && *role == COMPANY {
            true => before(&country, &subject),
            false => subject,
        };
        fields[name] = field(&country, &subject, from);
        complete &= fields[name]["status"] != "unavailable";
        match *role {
            CHILD => sources["rnpp"] = answered(),
            COMPANY => sources["mandates"] = answered(),
            _ => {}
        }
        if register == "caclr" {
            sources["rnpp"] = answered();
        }
        for register in from.iter().filter_map(|it| it.split('.').next()) {
            if register != "space" {
                sources[register] = answered();
            }
        }
    }
    json!({"disclosure": "", "procedure": {"id": form.id, "version": 2}, "complete": complete,
        "fields": fields, "notices": [], "sources": sources})
}

fn field(country: &Country, subject: &str, sources: &[&str]) -> Value {
    let mut shown = json!({"status": "empty", "source": "rnpp"});
    for source in sources {
        let register = source.split_once('.').expect("register.attribute").0;
        match country.truth(subject, source) {
            Truth::Value(value) => {
                return json!({"status": "filled", "value": value.to_json(), "source": register,
                    "ageSeconds": 60});
            }
            Truth::Unavailable => {
                shown = json!({"status": "unavailable", "source": register, "reason": "error"});
            }
            _ => {}
        }
    }
    shown
}

fn refuses_rnpp(country: &Country, subject: &str) -> bool {
    country
        .personas()
        .iter()
        .any(|persona| persona.refuses.contains(&"rnpp") && persona.subject.to_string() == subject)
}

fn before(country: &Country, company: &str) -> String {
    let index = country.company_of(company).expect("a company").index();
    let companies = country.companies();
    country.company((index + companies - 1) % companies).rcs().to_string()
}
