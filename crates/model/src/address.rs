//! Ranges of network addresses, as people write them: `192.0.2.0/24`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that begin with the same bits. One that stands for an IPv4 address in IPv6 form is
/// that IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    bits: u8,
}

/// The text is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAddressRange(pub String);

impl fmt::Display for NoAddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no range of addresses: write one such as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7", self.0)
    }
}

impl std::error::Error for NoAddressRange {}

impl AddressRange {
    /// `None` where an address has fewer bits, or where others than the first are set.
    pub fn new(first: IpAddr, bits: u8) -> Option<AddressRange> {
        let range = AddressRange { first, bits };
        (bits <= width(first) && range.prefix(first) == bits_of(first)).then_some(range)
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.first) && self.prefix(address) == bits_of(self.first)
    }

    /// The first address of the range.
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// How many bits its addresses share.
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    fn prefix(&self, address: IpAddr) -> u128 {
        let free = u32::from(width(address).saturating_sub(self.bits));
        bits_of(address) & u128::MAX.checked_shl(free).unwrap_or(0)
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => address.into(),
    }
}

impl FromStr for AddressRange {
    type Err = NoAddressRange;

    fn from_str(text: &str) -> Result<AddressRange, NoAddressRange> {
        let no = || NoAddressRange(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| no())?;
        let bits = bits.map_or(Ok(width(address)), |bits| bits.parse().map_err(|_| no()))?;
        AddressRange::new(address, bits).ok_or_else(no)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// The address in 16 bytes, an IPv4 address in its IPv6 form: how records hold it.
pub fn to_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address that [`to_bytes`] wrote.
pub fn from_bytes(bytes: [u8; 16]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, address: &str) -> bool {
        range.parse::<AddressRange>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_what_begins_like_it() {
        for (range, address, expected) in [
            ("192.0.2.0/24", "192.0.2.0", true),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "8.8.8.8", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            assert_eq!(check(range, address), expected, "{range} {address}");
        }
    }

    #[test]
    fn what_is_no_range_is_told() {
        for text in ["", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2/24", "2001:db8::/129", "host"] {
            assert_eq!(text.parse::<AddressRange>(), Err(NoAddressRange(text.to_owned())), "`{text}`");
        }
    }

    #[test]
    fn an_address_survives_its_bytes() {
        for text in ["192.0.2.7", "2001:db8::1", "::", "0.0.0.0"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(from_bytes(to_bytes(address)), address);
        }
    }
}
