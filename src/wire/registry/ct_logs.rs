//! Logs of Certificate Transparency by their ids (RFC 6962, section 3.2).
//!
//! Ids and descriptions are those of Google's list of known logs (<https://www.gstatic.com/ct/log_list/v3/all_logs_list.json>),
//! as of June 2025, retired ones too: old captures name them.

use super::{Table, name_of};

/// What a log is called in the list of known logs.
pub fn ct_log(id: &[u8; 32]) -> Option<&'static str> {
    name_of(LOGS, *id)
}

/// An id from its hexadecimal digits. Evaluated by the compiler alone: a wrong digit does not compile.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]
const fn id(hex: &str) -> [u8; 32] {
    const fn digit(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("no hexadecimal digit"),
        }
    }
    assert!(hex.len() == 64, "32 octets");
    let mut id = [0; 32];
    let mut at = 0;
    while at < id.len() {
        id[at] = digit(hex.as_bytes()[2 * at]) << 4 | digit(hex.as_bytes()[2 * at + 1]);
        at += 1;
    }
    id
}

const LOGS: &Table<[u8; 32]> = &[
    (id("03019df3fd85a69a8ebd1facc6da9ba73e469774fe77f579fc5a08b8328c1d6b"), "Venafi Gen2 CT log"),
    (id("059c01d320e00784139580498d117c903266afaf7250b5af3b46a43e11840d4a"), "DigiCert Yeti2022-2 Log"),
    (id("07b75c1be57d68fff1b0c61d2315c7bae6577c5794b76aeebc613a1a69d3a21c"), "Google 'Xenon2020' log"),
    (id("084114980071532c16190460bcfc47fdc2653afa292c72b37ff863ae29ccc9f0"), "Google 'Xenon2019' log"),
    (id("0c2aef2c4a5b9883d4dda382fe50fb5188b3e97333a1ec53a09dc9a79d0d0820"), "DigiCert 'Wyvern2024h2' Log"),
    (id("0d1dbc8944e9f5005542d72d3e144ccc43082ab6ea1e94dfd706657d2e86f301"), "Sectigo 'Elephant2025h2'"),
    (id("0de1f2302bd30dc140621209ea552efc47747cb1d7e930ef0e421eb47e4eaa34"), "Let's Encrypt 'Oak2025h2'"),
    (id("0e5794bcf3aea93e331b2c9907b3f790df9bc23d713225dd21a925ac61c54e21"), "Google 'Argon2026h1' log"),
    (id("12f14e34bd53724c840619c38f3f7a13f8e7b56287889c6d300584ebe586263a"), "Google 'Argon2025h2' log"),
    (id("134adf1ab5984209780c6fef4c7a91a416b72349ce58576adfaedaa7c2abe022"), "Sectigo 'Mammoth2025h1'"),
    (id("15970488d7b997a05beb52512adee8d2e8b4a3165264121a9fabfbd5f85ad93f"), "Symantec 'Sirius' log"),
    (id("1986d4c728aa6ffeba036f782a4d0191aace2d72310faece5d70412d254cc7d4"), "Let's Encrypt 'Oak2026h1'"),
    (id("1998107109f0d6522e3080d29e3f64bb836e28ccf90f528eeedfce4a3f16b4ca"), "Sectigo 'Sabre2024h2'"),
    (id("1a04ff49d0541d40aff6a0c3bff1d8c4672f4eecee234068986b17402edc897d"), "Sectigo 'Sabre2025h2'"),
    (id("1f56d1ab94704a41dd3feafdf4699355302c1431bfe61346089fffae795dcc2f"), "Sectigo 'Sabre2026h2'"),
    (id("2245450759552456963fa12ff1f76d86e0232663adc04b7f5dc6835c6ee20f02"), "DigiCert Yeti2022 Log"),
    (id("252f94c22b29e96e9f411a72072b695c5b52ff97a90d2540bbfcdc51ec4dee0b"), "Sectigo 'Mammoth2026h1'"),
    (id("25b7efdea1130193ed93079770aa322a26620de35ac8aa7c75197de0b1a9e065"), "TrustAsia 'log2026b'"),
    (id("282c8bdd810ff909120ace16d6e0ec201bea82a3a4af19d9effb59e83fdc4268"), "TrustAsia Log2025b"),
    (id("28e28138fd832145e9a9d6aa75376d8377a88512b3c07f72414821dcbde98c66"), "TrustAsia Log2025a"),
    (id("293c519654c83965baaa50fc5807d4b76fbf587a2972dca4c30cf4e54547f478"), "Google 'Icarus' log"),
    (id("2979bef09e393921f056739f63a577e5be577d9c600af8f94d5d265c255dc784"), "Google 'Argon2022' log"),
    (id("29d03a1bb674aa711cd3035b6557c14f8aa78b4fe8389449eca453f944bd2468"), "Sectigo 'Mammoth2024h1'"),
    (id("34bb6ad6c3df9c03eea8a499ff7891486c9d5e5cac92d01f7bfd1bce19db48ef"), "StartCom log"),
    (id("35cf191bbfb16c57bf0fad4c6d42cbbbb627202651ea3fe12aefa803c33bd64c"), "DigiCert Yeti2023 Log"),
    (id("3b5377753e2db9804e8b305b06fe403b67d84fc3f4c7bd000d2d726fe1fad417"), "Let's Encrypt 'Oak2024H1' log"),
    (id("3f174b4fd7224758941d651c84be0d12ed90377f1f856aebc1bf2885ecf8646e"), "Let's Encrypt 'Oak2024H2' log"),
    (id("41b2dc2e89e63ce4af1ba7bb29bf68c6dee6f9f1cc047e30dffae3b3ba259263"), "WoSign log"),
    (id("41c8cab1df22464a10c6a13a0942875e4e318b1b03ebeb4bc768f090629606f6"), "Cloudflare 'Nimbus2022' Log"),
    (id("4494652eb0eeceafc44007d8a8fe28c0dae682bed8cb31b53fd33396b5b681a8"), "Cloudflare 'Nimbus2021' Log"),
    (id("46a555eb75fa912030b5a28969f4f37d112c4174befd49b885abf2fc70fe6d47"), "Google 'Xenon2022' log"),
    (id("46af863d3b3ee59fa577dea8245d36b0d9ed22a223f4617741229452ee95505f"), "Geomys 'Tuscolo2026h2'"),
    (id("48b0e36bdaa647340fe56a02fa9d30eb1c5201cb56dd2c81d9bbbfab39d88473"), "DigiCert Yeti2024 Log"),
    (id("499c9b69de1d7cecfc36decd8764a6b85baf0a878019d15552fbe9eb29ddf8c3"), "DigiCert 'Sphinx2026h1'"),
    (id("4e75a3275c9a10c3385b6cd4df3f52eb1df0e08e1b8d69c0b1fa64b1629a39df"), "Google 'Argon2025h1' log"),
    (id("50850158dcb60595c00e92a81102eccdfe3f6b7858429f57983538c9da525063"), "Sectigo 'Mammoth2024h1b'"),
    (id("51a3b0f5fd01799c566db837788f0ca47acc1b27cbf79e88429a0dfed48b05e5"), "DigiCert Nessie2022 Log"),
    (id("5581d4c2169036014aea0b9b573c53f0c0e43878702508172fa3aa1d0713d30c"), "Sectigo 'Sabre' CT log"),
    (id("5614069a2fd7c2ecd3f5e1bd44b23ec74676b9bc99115cc0ef949855d689d0dd"), "DigiCert Log Server"),
    (id("566cd5a376be83dfe342b675c49c232498a769bac382cbab49a3877d9ab32d01"), "Sectigo 'Sabre2026h1'"),
    (id("5cdc4392fee6ab4544b15e9ad456e61037fbd5fa47dca17394b25ee6f6c70eca"), "DigiCert Yeti2021 Log"),
    (id("5ea773f9df56c0e7b536487dd049e0327a919a0c84a112128418759681714558"), "Cloudflare 'Nimbus2020' Log"),
    (id("604c9aaf7a7f775f01d406fc920dc899eb0b1c7df8c9521bfafa17773b978bc9"), "Sectigo 'Elephant2027h1'"),
    (id("63f2dbcde83bcc2ccf0b728427576b33a48d61778fbd75a638b1c768544bd88d"), "Google 'Argon2019' log"),
    (id("6411c46ca412eca7891ca2022e00bcab4f2807d41e3527abeafed503c97dcdf0"), "DigiCert 'Wyvern2026h1'"),
    (id("678db65b3e7443b6f3a370d5e13ab1b43be0a0d351f7ca742250c7c6fa51a88a"), "Trust Asia Log2021"),
    (id("68f698f81f6482be3a8ceeb9281d4cfc71515d6793d444d10a67acbb4f4ffbc4"), "Google 'Aviator' log"),
    (id("6f5376ac31f03119d89900a45115ff77151c11d902c10029068db2089a37d913"), "Sectigo 'Mammoth' CT log"),
    (id("717e95f3c2388a6db1e384493d31e15aa96208762d4200e0050cd067b5a661e2"), "Geomys 'Tuscolo2026h1'"),
    (id("7320220f08168af9f3c4a68b0ab26a9a4a00eef577858a084d0500d4a5424459"), "DigiCert 'Wyvern2025h1' Log"),
    (id("73d99e891b4c9678a0207d479de6b2c61cd0515e71192a8c6b80107ac17772b5"), "DigiCert Nessie2024 Log"),
    (id("7461b4a09cfb3d41d75159575b2e7649a445a8d27709b0cc564a6482b7eb41a3"), "Izenpe log"),
    (id("747eda8331ad331091219cce254f4270c2bffd5e422008c6373579e6107bcc56"), "Cloudflare 'Nimbus2019' Log"),
    (id("74db9d58f7d47e9dfd787a162a991c18cf698da7c729918c9a18b0450dba44bc"), "TrustAsia 'log2026a'"),
    (id("76ff883f0ab6fb9551c261ccf587ba34b4a4cdbb29dc68420a9fe6674c5a3a74"), "Google 'Xenon2024' log"),
    (id("7a328c54d8b72db620ea38e0521ee98416703213854d3bd22bc13a57a352eb52"), "Cloudflare 'Nimbus2023' Log"),
    (id("7d3ef2f88fff88556824c2c0ca9e5289792bc50e78097f2e6a9768997e22f0d7"), "Google 'Xenon2021' log"),
    (id("7d591e12e1782a7b1c61677c5efdf8d0875c14a04e959eb9032fd90e8c2e79b8"), "DigiCert Yeti2025 Log"),
    (id("874fb50dc029d9931de573e9f2899e8e4533b392d38b0a462574bf0feeb2fc1e"), "Trust Asia Log2024-2"),
    (id("8775bfe7597cf88c43995fbdf36eff568d475636ff4ab560c1b4eaff5ea0830f"), "DigiCert Log Server 2"),
    (id("9420bc1e8ed58d6c88731f828b222c0dd1da4d5e6c4f943d61db4e2f584da2c2"), "Let's Encrypt 'Oak2021' log"),
    (id("944e4387faecc1ef81f3192426a8186501c7d35f3802013f72677d55372e19d8"), "DigiCert 'Sphinx2026h2'"),
    (id("94b1c18ab0d057c47be0ac040e1f2cbc8dc375727bc951f20a526126863ba73c"), "Sectigo 'Mammoth2026h2'"),
    (id("969764bf555897adf743876837084277e9f03ad5f6a4f3366e46a43f0fcaa9c6"), "Google 'Xenon2026h1' log"),
    (id("a2490cdcdb8e33a400321760d6d4d51a2036191ea77d968be26a8a00f6fffff7"), "Sectigo 'Elephant2027h2'"),
    (id("a2e2bfd61ede2f2f07a0d64e6d37a7dc6543b0c6b52ea2dab78af89a6df517d8"), "Sectigo 'Sabre2024h1'"),
    (id("a2e30ae445efbdad9b7e38ed47677753d7825b8494d72b5e1b2cc4b950a447e7"), "Let's Encrypt 'Oak2025h1'"),
    (id("a442c506496061548f0fd4ea9cfb7a2d26454d87a97f2fdf4559f6274f3a8454"), "DigiCert 'Sphinx2025h2' Log"),
    (id("a4b90990b418581487bb13a2cc67700a3c359804f91bdfb8e377cd0ec80ddc10"), "Google 'Pilot' log"),
    (id("a577ac9ced7548dd8f025b67a241089df86e0f476ec203c2ecbedb185f282638"), "CNNIC CT log"),
    (id("a8dc52f63d6b2425e531e37cf4e44a714f142a20803b0d04d2e2ee0664794a23"), "Trust Asia CT2021"),
    (id("ac3b9aed7fa9674757159e6d7d575672f9d98100941e9bdeffeca1313b75782d"), "Venafi log"),
    (id("acab30706cebec8431f413d2f4915f111e422443b1f2a68c4f3c2b3ba71e02c3"), "Let's Encrypt 'Oak2026h2'"),
    (id("adf7befa7cff10c88b9d3d9c1e3e186ab467295dcfb10c24ca858634ebdc828a"), "Google 'Xenon2023' log"),
    (id("af181a28d68ca3e0a98a4c9c67ab09f8bbbc22baaebcb138a3a19dd3f9b6030d"), "Sectigo 'Mammoth2025h2'"),
    (id("af67883b57b04edd8fa6d97ef62ea8eb810ac77160f0245e55d60c2fe785873a"), "Sectigo 'Elephant2026h2'"),
    (id("b21e05cc8ba2cd8a204e8766f92bb98a2520676bdafa70e7b249532def8b905e"), "Google 'Argon2020' log"),
    (id("b3737707e18450f86386d605a9dc11094a792db1670c0b87dcf0030e7936a59a"), "DigiCert Nessie2023 Log"),
    (id("b73efb24df9c4dba75f239c5ba58f46c5dfc42cf7a9f35c49e1d098125edb499"), "Let's Encrypt 'Oak2023' log"),
    (id("bbd9dfbc1f8a71b593942397aa927b473857950aab52e81a909664368e1ed185"), "Google 'Skydiver' log"),
    (id("bc78e1dfc5f63c684649334da10fa15f0979692009c081b4f3f6917f3ed9b8a5"), "Symantec 'Vega' log"),
    (id("c2317e574519a345ee7f38deb29041ebc7c2215a22bf7fd5b5ad769ad90e52cd"), "DigiCert 'Wyvern2026h2'"),
    (id("c365f9b3654f3283c79da98e93d7418f5bab7be3252c98e1d2f04bb9eb427d23"), "Trust Asia Log2022"),
    (id("c652a0ec48ceb3fcab170992c43a87413309e80065a26252401ba3362a17c565"), "DigiCert Nessie2020 Log"),
    (id("cb38f715897c84a1445f5bc1ddfbc96ef29a59cd470a690585b0cb14c31458e7"), "Cloudflare 'Nimbus2026'"),
    (id("ccfb0f6a85710965fe959b53cee9b27c22e9855c0d978db6a97e54c0fe4c0db0"), "Cloudflare 'Nimbus2025'"),
    (id("cdb5179b7fc1c046feea31136a3f8f002e6182faf8896fecc8b2f5b5ab604900"), "Certly.IO log"),
    (id("cf1156eed52e7caff3875bd9692e9be91a71674ab017ecac01d25b77cecc3b08"), "Google 'Xenon2025h1' log"),
    (id("d16ea9a568077e6635a03f37a5ddbc03a53c411214d48818f5e931b323cb9504"), "Sectigo 'Elephant2026h1'"),
    (id("d76d7d10d1a7f577c2c7e95fd700bff982c9335a65e1d0b3017317c0c8c56977"), "Google 'Argon2026h2' log"),
    (id("d809553b944f7affc816196f944f85abb0f8fc5e8755260f15d12e72bb454b14"), "Google 'Xenon2026h2' log"),
    (id("dab6bf6b3fb5b6229f9bc2bb5c6be87091716cbb51848534bda43d3048d7fbab"), "Cloudflare 'Nimbus2024' Log"),
    (id("dcc95e6fa299b9b0fdbd6ca6a36e1d72c4212fdd1e0f47553a36d6cf1ad11d8d"), "DigiCert 'Sphinx2024h2' Log"),
    (id("dddcca3495d7e11605e79532fac79ff83d1c50dfdb003a1412760a2cacbbc82a"), "Google 'Xenon2025h2' log"),
    (id("ddeb1d2b7a0d4fa6208b81ad8168707e2e8e9d01d55c888d3d11c4cdb6ecbecc"), "Symantec log"),
    (id("de8581d750247c6bcdcbaf5637c5e781c64ce46ed617639f8f34a726c9e2bd37"), "DigiCert 'Sphinx2025h1' Log"),
    (id("dfa55eab68824f1f6cadeeb85f4e3e5aeacda212a46a5e8e3b12c020445c2a73"), "Let's Encrypt 'Oak2022' log"),
    (id("dfe156ebaa05afb59c0f86718da8c0324eae56d96ea7f5a56a01d1c13bbe525c"), "Sectigo 'Mammoth2024h2'"),
    (id("e092b3fc0c1dc8e768361fde61b9964d0a5278198a72d672c4b04da56d6f5404"), "Sectigo 'Sabre2025h1'"),
    (id("e2694bae26e8e94009e8861bb63b83d43ee7fe7488fba48f2893019dddf1dbfe"), "DigiCert Yeti2019 Log"),
    (id("e6d2316340778cc1104106d771b9cec1d240f6968486fbba87321dfd1e378e50"), "DigiCert Nessie2025 Log"),
    (id("e83ed0da3ef5063532e75728bc896bc903d3cbd1116beceb69e1777d6d06bd6e"), "Google 'Argon2023' log"),
    (id("e87ea7660bc26cf6002ef5725d3fe0e331b9393bb92fbf58eb3b9049daf5435a"), "Trust Asia Log2023"),
    (id("ed3c4bd6e806c2a4a20057dbcb24e23801df512fedc486c5700f20ddb73e3fe0"), "DigiCert 'Wyvern2025h2' Log"),
    (id("ee4bbdb775ce60bae142691fabe19e66a30f7e5fb072d88300c47b897aa8fdcb"), "Google 'Rocketeer' log"),
    (id("eec095ee8d72640f92e3c3b91bc712a3696a097b4b6a1a1438e647b2cbedc5f9"), "DigiCert Nessie2021 Log"),
    (id("eecdd064d5db1acec55cb79db4cd13a23287467cbcecdec351485946711fb59b"), "Google 'Argon2024' log"),
    (id("ef9d04422e20b432102754df52d25146027f844c07fd865ec922ee6fce9f7bbc"), "Geomys 'Tuscolo2025h2'"),
    (id("f095a459f200d18240102d2f93888ead4bfe1d47e399e1d034a6b0a8aa8eb273"), "DigiCert Yeti2020 Log"),
    (id("f65c942fd1773022145418083094568ee34d131933bfdf0c2f200bcc4ef164e3"), "Google 'Argon2021' log"),
    (id("fe446108b1d01ab78a62ccfeab6ab2b2babff3abdad80a4d8b30df2d0008830c"), "DigiCert Nessie2019 Log"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::super::is_sorted_without_duplicates;
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(is_sorted_without_duplicates(LOGS));
    }

    /// A log's id is the hash of its key (RFC 6962, section 3.2), and the list of known logs has both.
    #[test]
    fn ids_are_the_hashes_of_the_logs_keys() {
        let rows = [
            (
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0JCPZFJOQqyEti5M8j13ALN3CAVHqkVM4yyOcKWCu2yye5yYeqDpEXYoALIgtM3TmHtNlifmt+4iatGwLpF3eA==",
                "Google 'Argon2023' log",
            ),
            (
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExpon7ipsqehIeU1bmpog9TFo4Pk8+9oN8OYHl1Q2JGVXnkVFnuuvPgSo2Ep+6vLffNLcmEbxOucz03sFiematg==",
                "Cloudflare 'Nimbus2021' Log",
            ),
            (
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAkbFvhu7gkAW6MHSrBlpE1n4+HCFRkC5OLAjgqhkTH+/uzSfSl8ois8ZxAD2NgaTZe1M9akhYlrYkes4JECs6A==",
                "DigiCert Log Server",
            ),
            (
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmdRhcCL6d5MNs8eAliJRvyV5sQFC6UF7iwzHsmVaifT64gJG1IrHzBAHESdFSJAjQN56TYky+9cK616MovH2SQ==",
                "Let's Encrypt 'Oak2026h1'",
            ),
        ];
        for (key, name) in rows {
            assert_eq!(ct_log(&Sha256::digest(STANDARD.decode(key).unwrap()).into()), Some(name));
        }
        assert_eq!(ct_log(&[0; 32]), None);
    }
}
