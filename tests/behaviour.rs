//! Detectors of behaviour, as rules use them: on sessions made for each, among others that are none; what they remember over a
//! restart; what a faulty rule is told. Captures of real programs that behave so stand in `testdata/behaviour`.

mod samples;
