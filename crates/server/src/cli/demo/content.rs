//! People, buckets and files of the demo's own making.

use std::fmt::Write;

/// Somebody, with what they are for and cleared for.
pub struct Person {
    pub name: &'static str,
    pub role: &'static str,
    pub clearance: &'static str,
    /// Has a key, to store with or to sign in to the console with.
    pub signs_in: bool,
}

const fn person(name: &'static str, role: &'static str, clearance: &'static str, signs_in: bool) -> Person {
    Person { name, role, clearance, signs_in }
}

pub const PEOPLE: [Person; 4] = [
    person("quartermaster", "mission-owner", "UNCLASSIFIED", true),
    person("cartographer", "mission-owner", "SECRET", true),
    // What is of all labels together is told to whoever sees all of them.
    person("operator", "platform-operator", "everything", true),
    person("auditor", "auditor", "SECRET", false),
];

/// At the label of its owner.
pub struct Bucket {
    pub name: &'static str,
    pub owner: &'static str,
}

pub const BUCKETS: [Bucket; 3] = [
    Bucket { name: "supply", owner: "quartermaster" },
    Bucket { name: "weather", owner: "quartermaster" },
    Bucket { name: "charts", owner: "cartographer" },
];

pub struct File {
    pub bucket: &'static str,
    pub key: String,
    pub content: Vec<u8>,
}

/// Days of orders and weather, and some charts that are large enough to lie in segments of their own.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    for day in 1..=12 {
        files.push(File { bucket: "supply", key: format!("orders/2026-11-{day:02}.csv"), content: orders(day) });
        files.push(File { bucket: "weather", key: format!("2026/11/{day:02}.txt"), content: weather(day) });
    }
    for sheet in 1..=4 {
        files.push(File { bucket: "charts", key: format!("sheets/{sheet:02}.pgm"), content: chart(sheet) });
    }
    files
}

fn orders(day: u32) -> Vec<u8> {
    let mut text = String::from("order,item,count\n");
    let items = ["rope", "lamp oil", "flour", "canvas", "nails"];
    for (number, item) in (1..).zip(items.iter().cycle().take(40)) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{day:02}-{number:03},{item},{}", (number * 7 + day * 3) % 50 + 1);
    }
    text.into_bytes()
}

fn weather(day: u32) -> Vec<u8> {
    let hours = (0..24).map(|hour: u32| {
        format!("{hour:02}:00  wind {:>2} kn, {} hPa\n", (hour + day * 5) % 33, 990 + (hour * day) % 40)
    });
    hours.collect::<String>().into_bytes()
}

/// A grey picture of hills: no noise, so that it looks like something.
fn chart(sheet: u32) -> Vec<u8> {
    const SIDE: u32 = 1_536;
    let mut picture = format!("P5\n{SIDE} {SIDE}\n255\n").into_bytes();
    let hill = |x: u32, y: u32| {
        let (x, y) = (i64::from(x) - i64::from(SIDE / 5 * sheet), i64::from(y) - i64::from(SIDE / 2));
        let distance = (x * x + y * y).isqrt();
        // Lines of equal height.
        u8::try_from((distance / 6) % 256).unwrap_or_default()
    };
    picture.extend((0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))).map(|(x, y)| hill(x, y)));
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_ride_in_the_journal_and_some_lie_in_segments_of_their_own() {
        let files = files();
        let large = files.iter().filter(|file| file.content.len() > 1 << 20).count();
        assert_eq!((files.len(), large), (28, 4));
        assert!(files.iter().all(|file| BUCKETS.iter().any(|bucket| bucket.name == file.bucket)));
        for bucket in BUCKETS {
            assert!(PEOPLE.iter().any(|person| person.signs_in && person.name == bucket.owner));
        }
    }
}
