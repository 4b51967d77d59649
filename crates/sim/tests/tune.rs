//! Temporary.
use cart::planted::{Bug, plant};
use sim::{Climate, Options};
const DAY: u64 = 86_400_000;
#[test]
fn tune() {
    let a = Climate::ABSENCE;
    let variants: Vec<(&str, Climate)> = vec![
        ("base", a),
        ("long pauses", Climate { pauses_ms: &[8 * DAY], ..a }),
        ("long pauses, more weather", Climate { pauses_ms: &[8 * DAY], weather_ms: 10 * DAY, ..a }),
        ("+one way only", Climate { pauses_ms: &[8 * DAY], weather_ms: 10 * DAY, breaks: &[(1, sim::climate::Break::LinkOneWay)], ..a }),
        ("+late 90", Climate { pauses_ms: &[8 * DAY], weather_ms: 10 * DAY, much_later_percent: 90, ..a }),
        ("+retry 28", Climate { pauses_ms: &[8 * DAY], weather_ms: 10 * DAY, much_later_percent: 90, retries_ms: &[28 * DAY], ..a }),
        ("+3 devices", Climate { pauses_ms: &[8 * DAY], weather_ms: 10 * DAY, much_later_percent: 90, retries_ms: &[28 * DAY], devices: 3, ..a }),
        ("+3 regions", Climate { pauses_ms: &[8 * DAY], weather_ms: 10 * DAY, much_later_percent: 90, retries_ms: &[28 * DAY], regions: (3, 3), ..a }),
    ];
    for (name, climate) in variants {
        let options = Options { climate: Some(climate), ..Options::default() };
        let _planted = plant(Bug::P7ContextDroppedEarly);
        let start = std::time::Instant::now();
        let found = (0..3000u64).filter(|seed| sim::run(*seed, &options).violation.is_some()).count();
        println!("{name}: {found} of 3000 in {:?}", start.elapsed());
    }
}
