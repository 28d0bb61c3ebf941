//! The name servers of the system, as resolv.conf(5) lists them. Pure but for [`read`].

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// The name servers in /etc/resolv.conf; none where there is no such file.
pub fn read() -> Vec<SocketAddr> {
    fs::read_to_string("/etc/resolv.conf").map(|text| parse(&text)).unwrap_or_default()
}

/// The name servers in the text of such a file, each once.
fn parse(text: &str) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        if let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) {
            let address = SocketAddr::new(ip, 53);
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_found_among_the_rest() {
        let text = "# nameserver 192.0.2.9\nsearch example\n nameserver\t192.0.2.1 # one\nnameserver ::1\n\
                    nameserver x\nnameserver\nnameserver 192.0.2.1\noptions ndots:1\n";
        let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[::1]:53"]);
    }
}
