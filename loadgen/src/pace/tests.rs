//! Moments are waited for.

use super::*;

#[tokio::test]
async fn nobody_is_woken_before_the_moment_on_a_core_of_their_own_or_not() {
    for is_core_ours in [true, false] {
        let pacer = Pacer::new(is_core_ours).expect("a timer");
        for micros in [0, 1, 39, 41, 100, 1_500] {
            let due = clock::now() + Duration::from_micros(micros);
            let woken = pacer.until(due).await.expect("a timer");
            assert!(woken >= due, "{micros} us");
        }
    }
}
