//! What each attribute takes, how it is kept, and that no refusal repeats it.

use crate::catalogue::own;
use crate::space::Attribute;

/// Kept as `expected`, or refused where there is none.
#[track_caller]
fn check(attribute: &str, text: &str, expected: Option<&str>) {
    let attribute = Attribute::named(attribute).unwrap();
    match (attribute.normalised(text), expected) {
        (Ok(kept), Some(expected)) => assert_eq!(kept, expected),
        (Err(why), None) => {
            let why = why.to_string();
            assert!(why.contains("must") || why.contains("has"), "{why}");
            assert!(text.trim().len() < 3 || !why.contains(text.trim()), "{why} repeats {text}");
        }
        (Ok(kept), None) => panic!("{text:?} was kept as {kept:?}"),
        (Err(why), Some(_)) => panic!("{text:?} was refused: {why}"),
    }
}

#[test]
fn an_email_address_is_taken_as_mail_systems_take_it() {
    for (text, kept) in [
        ("marie.weber@example.lu", "marie.weber@example.lu"),
        ("  marie+forms@Mail.EXAMPLE.org ", "marie+forms@mail.example.org"),
        ("o'neill_1@xn--bcher-kva.example", "o'neill_1@xn--bcher-kva.example"),
        ("Marie@example.lu", "Marie@example.lu"),
        ("a@b.lu", "a@b.lu"),
    ] {
        check("email", text, Some(kept));
    }
    for text in [
        "",
        " ",
        "marie",
        "@example.lu",
        "marie@",
        "marie@example",
        "a@b@example.lu",
        "marie @example.lu",
        "marie@exam ple.lu",
        ".marie@example.lu",
        "marie.@example.lu",
        "ma..rie@example.lu",
        "marie@.lu",
        "marie@example.",
        "marie@-example.lu",
        "marie@example-.lu",
        "marie@example..lu",
        "marie@192.168.1.1",
        "marie@example.l",
        "marié@example.lu",
        "marie@exämple.lu",
        "\"marie\"@example.lu",
        "marie@[::1]",
        "Marie <marie@example.lu>",
        "a,b@example.lu",
        "marie@exa\nmple.lu",
    ] {
        check("email", text, None);
    }
}

#[test]
fn an_email_address_is_bounded() {
    let local = |length: usize| format!("{}@example.lu", "a".repeat(length));
    check("email", &local(64), Some(&local(64)));
    check("email", &local(65), None);
    let label = |length: usize| format!("a@{}.lu", "b".repeat(length));
    check("email", &label(63), Some(&label(63)));
    check("email", &label(64), None);
    let long = |rest: usize| {
        format!("a@{}{}.lu", format!("{}.", "b".repeat(60)).repeat(4), "c".repeat(rest))
    };
    assert_eq!(long(5).len(), 254);
    check("email", &long(5), Some(&long(5)));
    check("email", &long(6), None);
}

#[test]
fn a_phone_number_is_kept_in_the_form_of_e_164() {
    for attribute in ["mobile", "emergencyContactPhone"] {
        for (text, kept) in [
            ("+352 621 123 456", "+352621123456"),
            ("+352-621.123/456", "+352621123456"),
            ("+352\u{a0}621\u{a0}123456", "+352621123456"),
            ("+12345678", "+12345678"),
            ("+123456789012345", "+123456789012345"),
        ] {
            check(attribute, text, Some(kept));
        }
        for text in [
            "",
            "+",
            "621123456",
            "00352621123456",
            "+1234567",
            "+1234567890123456",
            "+0352621123456",
            "+352 (0) 621 123",
            "+352621x23456",
            "++352621123456",
            "+352+621123456",
            "+٣٥٢٦٢١١٢٣٤٥٦",
        ] {
            check(attribute, text, None);
        }
    }
}

/// One of each country, as SWIFT's registry prints them.
const IBANS: [&str; 42] = [
    "AD12 0001 2030 2003 5910 0100",
    "AL47 2121 1009 0000 0002 3569 8741",
    "AT61 1904 3002 3457 3201",
    "BE68 5390 0754 7034",
    "BG80 BNBG 9661 1020 3456 78",
    "CH93 0076 2011 6238 5295 7",
    "CY17 0020 0128 0000 0012 0052 7600",
    "CZ65 0800 0000 1920 0014 5399",
    "DE89 3704 0044 0532 0130 00",
    "DK50 0040 0440 1162 43",
    "EE38 2200 2210 2014 5685",
    "ES91 2100 0418 4502 0005 1332",
    "FI21 1234 5600 0007 85",
    "FR14 2004 1010 0505 0001 3M02 606",
    "GB29 NWBK 6016 1331 9268 19",
    "GI75 NWBK 0000 0000 7099 453",
    "GR16 0110 1250 0000 0001 2300 695",
    "HR12 1001 0051 8630 0016 0",
    "HU42 1177 3016 1111 1018 0000 0000",
    "IE29 AIBK 9311 5212 3456 78",
    "IS14 0159 2600 7654 5510 7303 39",
    "IT60 X054 2811 1010 0000 0123 456",
    "LI21 0881 0000 2324 013A A",
    "LT12 1000 0111 0100 1000",
    "LU28 0019 4006 4475 0000",
    "LV80 BANK 0000 4351 9500 1",
    "MC58 1122 2000 0101 2345 6789 030",
    "MD24 AG00 0225 1000 1310 4168",
    "ME25 5050 0001 2345 6789 51",
    "MK07 2501 2000 0058 984",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    "NL91 ABNA 0417 1643 00",
    "NO93 8601 1117 947",
    "PL61 1090 1014 0000 0712 1981 2874",
    "PT50 0002 0123 1234 5678 9015 4",
    "RO49 AAAA 1B31 0075 9384 0000",
    "RS35 2600 0560 1001 6113 79",
    "SE45 5000 0000 0583 9825 7466",
    "SI56 2633 0001 2039 086",
    "SK31 1200 0000 1987 4263 7541",
    "SM86 U032 2509 8000 0000 0270 100",
    "VA59 0011 2300 0012 3456 78",
];

#[test]
fn an_iban_of_every_country_in_sepa_is_taken() {
    for iban in IBANS {
        let plain = iban.replace(' ', "");
        check("iban", iban, Some(&plain));
        check("iban", &plain.to_lowercase(), Some(&plain));
    }
}

#[test]
fn an_iban_with_any_one_character_changed_dropped_or_added_is_refused() {
    for iban in IBANS {
        let plain = iban.replace(' ', "");
        for (place, was) in plain.char_indices() {
            // Of the same kind: a letter for a digit may by chance fit, one time in 97.
            let other = match was {
                '7' => "8",
                'A' => "B",
                _ if was.is_ascii_digit() => "7",
                _ => "A",
            };
            let changed = format!("{}{other}{}", &plain[..place], &plain[place + 1..]);
            check("iban", &changed, None);
            check("iban", &format!("{}{}", &plain[..place], &plain[place + 1..]), None);
            check("iban", &format!("{}{was}{}", &plain[..place], &plain[place..]), None);
        }
    }
}

#[test]
fn an_account_has_only_one_iban() {
    // These have the remainder that an IBAN must have, but ISO 7064 makes no such digits.
    for text in ["LU99 0000 0000 0000 0004", "LU01 0000 0000 0000 0022", "LU00 0000 0000 0000 0040"]
    {
        check("iban", text, None);
    }
}

#[test]
fn what_is_no_iban_of_sepa_is_refused() {
    for text in ["", "L", "LU", "LU28", "LU28 0019 4006 4475 000é", "XX28 0019 4006 4475 0000"] {
        check("iban", text, None);
    }
    check("iban", "US64 SVBK US6S 3300 9586 79", None);
}

#[test]
fn a_language_is_one_of_five() {
    for text in ["fr", "de", "en", "lb", "pt"] {
        check("preferredLanguage", text, Some(text));
    }
    check("preferredLanguage", " FR ", Some("fr"));
    for text in ["", "lu", "fra", "fr-LU", "nl"] {
        check("preferredLanguage", text, None);
    }
}

#[test]
fn a_country_is_its_code_in_upper_case() {
    for (text, kept) in [("LU", "LU"), ("fr", "FR"), (" ax ", "AX"), ("ZW", "ZW"), ("GB", "GB")] {
        check("correspondenceAdminUnitL1", text, Some(kept));
    }
    for text in ["", "L", "LUX", "UK", "XX", "L U", "AD AE", "ÅX"] {
        check("correspondenceAdminUnitL1", text, None);
    }
}

#[test]
fn a_line_is_one_visible_line_within_its_bound() {
    let lines = [
        ("bankHolder", 140),
        ("emergencyContactName", 140),
        ("correspondenceThoroughfare", 140),
        ("correspondencePostName", 140),
        ("correspondenceLocatorDesignator", 20),
        ("correspondencePostCode", 20),
    ];
    for (attribute, most) in lines {
        check(attribute, "  Jean-Né d'Aïe 42/B ", Some("Jean-Né d'Aïe 42/B"));
        let longest = "é".repeat(most);
        check(attribute, &longest, Some(&longest));
        check(attribute, &format!("{longest}é"), None);
        for text in ["", "   ", "a\nb", "a\tb", "a\0b", "a\u{202e}b", "a\u{200b}b", "a\u{2028}b"] {
            check(attribute, text, None);
        }
    }
}

/// Controls are 65, and ignorable by default are 4,174 (the totals that Unicode's
/// own files end with); seven more show nothing.
#[test]
fn what_nobody_sees_is_in_no_line() {
    let refused = (char::MIN..=char::MAX).filter(|letter| {
        Attribute::named("bankHolder").unwrap().normalised(&format!("a{letter}b")).is_err()
    });
    assert_eq!(refused.count(), 65 + 4_174 + 2 + 1 + 3 + 1);
    let marks = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{180f}\u{200d}\u{2028}\
                 \u{2065}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff0}\u{fffb}\u{1bca3}\
                 \u{1d159}\u{1d17a}\u{e0001}\u{e0041}\u{e007f}\u{e01ef}\u{e0fff}";
    for mark in marks.chars() {
        for text in [format!("{mark}"), format!("Zoë{mark}Weber")] {
            check("emergencyContactName", &text, None);
            check("correspondencePostCode", &text, None);
        }
    }
    for text in
        ["Zoë Weber", "李小龍", "Ünal\u{a0}Şahin", "محمد", "नरेन्द्र", "Lu\u{308}x", "\u{2801}"]
    {
        check("bankHolder", text, Some(text));
    }
}

#[test]
fn every_attribute_of_the_catalogue_has_a_name_and_a_rule() {
    assert_eq!(own::names().len(), 12);
    for (index, name) in own::names().enumerate() {
        let attribute = Attribute::named(name).unwrap();
        assert_eq!(usize::from(attribute.0), index);
        assert_eq!(attribute.name(), name);
        assert!(attribute.normalised("").is_err(), "{name} takes nothing for a value");
    }
    assert_eq!(Attribute::named("Email"), None);
    assert_eq!(Attribute::named(""), None);
}
