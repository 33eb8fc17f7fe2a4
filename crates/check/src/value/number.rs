//! Exact numbers that neither an `i128` nor an `f64` holds.

use std::cmp::Ordering;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Value;

/// The most digits of a number in another radix than ten. Converting takes time that grows with their square; decimal
/// digits are kept as they are, and have no limit of their own.
const MAX_RADIX_DIGITS: usize = 4096;

/// An exact number that neither an `i128` nor an `f64` holds: an integer beyond 128 bits, a ratio or a decimal.
///
/// It is kept as its EDN text in one canonical form, so that equal numbers have equal texts: `+007/21` is `1/3`, and
/// `1.50M` is `1.5M`. Numbers come from [`Value::integer`] and from the readers of EDN and JSON; an integer that fits
/// 128 bits is always a [`Value::Int`], so that no number has two forms.
///
/// ```
/// use glomers_check::{Value, edn};
/// let big = edn::read("1180591620717411303424000000000000000000001N")?;
/// assert_eq!(big.to_json(), "1180591620717411303424000000000000000000001");
/// assert!(big > Value::Int(i128::MAX));
/// assert_eq!(edn::read("2/6")?.to_string(), "1/3");
/// # Ok::<(), edn::ReadError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Number(CompactString);

/// The kinds of exact numbers. No two of different kinds are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Integer,
    Ratio,
    Decimal,
}

impl Number {
    /// The number as EDN writes it: `123N`, `1/3`, `1.5M`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an integer, and then one beyond 128 bits.
    pub fn is_integer(&self) -> bool {
        self.kind() == Kind::Integer
    }

    /// The number as JSON writes it. None for a ratio, which JSON lacks, and for a decimal that readers of JSON refuse since no
    /// double comes near.
    pub(super) fn json(&self) -> Option<&str> {
        let digits = &self.0[..self.0.len() - 1];
        match self.kind() {
            Kind::Integer => Some(digits),
            Kind::Decimal => digits.parse().is_ok_and(f64::is_finite).then_some(digits),
            Kind::Ratio => None,
        }
    }

    fn kind(&self) -> Kind {
        match self.0.as_bytes().last() {
            Some(b'N') => Kind::Integer,
            Some(b'M') => Kind::Decimal,
            _ => Kind::Ratio,
        }
    }

    /// Whether it is an integer below all those of 128 bits.
    pub(super) fn is_below_int(&self) -> bool {
        self.is_integer() && self.0.starts_with('-')
    }
}

impl Value {
    /// The integer of these decimal digits, which may follow a sign, whole however many they are. None if the text is
    /// anything else.
    ///
    /// ```
    /// use glomers_check::Value;
    /// assert_eq!(Value::integer("-0042"), Some(Value::Int(-42)));
    /// assert_eq!(Value::integer(&"9".repeat(50)).unwrap().to_string(), "9".repeat(50) + "N");
    /// assert_eq!(Value::integer("4.2"), None);
    /// ```
    pub fn integer(text: &str) -> Option<Self> {
        // Up to 18 digits fit 64 bits, whose arithmetic is much faster.
        if text.len() <= 18
            && let Ok(small) = text.parse::<i64>()
        {
            return Some(Self::Int(small.into()));
        }
        let (sign, digits) = signed(text)?;
        match text.parse() {
            Ok(integer) => Some(Self::Int(integer)),
            Err(_) => {
                let digits = digits.trim_start_matches('0');
                // Leading zeros do not make an integer large, though they may make it too long for `i128`'s parser.
                match format!("{sign}{digits}").parse() {
                    Ok(integer) => Some(Self::Int(integer)),
                    Err(_) => Some(Self::Number(Number(CompactString::from(format!("{sign}{digits}N"))))),
                }
            }
        }
    }

    /// The ratio of two integers in lowest terms; an integer if the lower one divides the upper one. None if a part is no
    /// integer or is beyond 128 bits, or the lower one is zero.
    pub(crate) fn exact_ratio(numerator: &str, denominator: &str) -> Option<Self> {
        if !denominator.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (numerator, denominator): (i128, i128) = (numerator.parse().ok()?, denominator.parse().ok()?);
        if denominator == 0 {
            return None;
        }
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).ok()?;
        let (numerator, denominator) = (numerator / divisor, denominator / divisor);
        Some(match denominator {
            1 => Self::Int(numerator),
            _ => Self::Number(Number(CompactString::from(format!("{numerator}/{denominator}")))),
        })
    }

    /// The decimal of this text, which has no suffix: exactly, and without zeros that mean nothing.
    pub(crate) fn decimal(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (sign, whole) = signed(whole)?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let trimmed = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - trimmed.len()).ok()?;
        let digits = trimmed.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self::Number(Number(CompactString::const_new("0M"))));
        }
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()? + zeros;
        let text = match exponent {
            0 => format!("{sign}{digits}M"),
            -30..=-1 => {
                let places = usize::try_from(-exponent).ok()?;
                let padded = format!("{digits:0>width$}", width = places + 1);
                let (whole, fraction) = padded.split_at(padded.len() - places);
                format!("{sign}{whole}.{fraction}M")
            }
            _ => format!("{sign}{digits}E{exponent}M"),
        };
        Some(Self::Number(Number(CompactString::from(text))))
    }

    /// The integer of these digits in this radix, from 2 to 36; the sign stands apart.
    pub(crate) fn radix_integer(is_negative: bool, digits: &str, radix: u32) -> Option<Self> {
        if digits.is_empty()
            || digits.len() > MAX_RADIX_DIGITS
            || !digits.chars().all(|digit| digit.is_digit(radix))
        {
            return None;
        }
        // Little-endian limbs of nine decimal digits.
        const LIMB: u64 = 1_000_000_000;
        let mut limbs: Vec<u64> = Vec::new();
        for digit in digits.chars().filter_map(|digit| digit.to_digit(radix)) {
            let mut carry = u64::from(digit);
            for limb in &mut limbs {
                let sum = *limb * u64::from(radix) + carry;
                *limb = sum % LIMB;
                carry = sum / LIMB;
            }
            if carry > 0 {
                limbs.push(carry);
            }
        }
        let mut text = String::from(if is_negative { "-" } else { "" });
        for (place, limb) in limbs.iter().rev().enumerate() {
            text += &if place == 0 { limb.to_string() } else { format!("{limb:09}") };
        }
        if limbs.is_empty() {
            text.push('0');
        }
        Self::integer(&text)
    }
}

/// The sign as it is kept, and the digits after it; none if there is anything but digits, or nothing.
fn signed(text: &str) -> Option<(&'static str, &str)> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some((sign, digits))
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Ord for Number {
    /// Integers by size, before ratios and decimals, which are in the order of their texts.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_size = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        self.kind().cmp(&other.kind()).then_with(|| match self.kind() {
            Kind::Integer => match (self.is_below_int(), other.is_below_int()) {
                (true, true) => by_size(&other.0, &self.0),
                (false, false) => by_size(&self.0, &other.0),
                (is_below, _) => {
                    if is_below {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
                }
            },
            Kind::Ratio | Kind::Decimal => self.0.cmp(&other.0),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Number {
    /// The number of this text, which has to be in canonical form: nothing else makes equal numbers equal.
    fn from_canonical(text: &str) -> Option<Self> {
        let read = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((digits, "N")) => Value::integer(digits),
            Some((digits, "M")) => Value::decimal(digits),
            _ => {
                let (numerator, denominator) = text.split_once('/')?;
                Value::exact_ratio(numerator, denominator)
            }
        };
        match read {
            Some(Value::Number(number)) if number.0 == text => Some(number),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    /// Refuses what is not in canonical form: a journal may be damaged.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        Self::from_canonical(&text)
            .ok_or_else(|| de::Error::custom(format_args!("{text:?} is no exact number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> String {
        Value::decimal(text).expect("a decimal").to_string()
    }

    #[test]
    fn integers_of_any_length_have_one_form() {
        let largest = i128::MAX.to_string();
        assert_eq!(Value::integer(&format!("+000{largest}")), Some(Value::Int(i128::MAX)));
        let beyond = Value::integer("170141183460469231731687303715884105728").unwrap();
        assert_eq!(beyond.to_string(), "170141183460469231731687303715884105728N");
        assert!(beyond > Value::Int(i128::MAX) && beyond < Value::integer(&"9".repeat(40)).unwrap());
        let below = Value::integer("-170141183460469231731687303715884105729").unwrap();
        assert!(
            below < Value::Int(i128::MIN) && below > Value::integer(&format!("-{}", "9".repeat(40))).unwrap()
        );
        assert!(below < beyond && Value::Nil < below && beyond < Value::Float(0.0));
        for text in ["", "-", "+", "1.0", "1e3", "0x10", " 1", "1N"] {
            assert_eq!(Value::integer(text), None, "{text:?}");
        }
    }

    #[test]
    fn ratios_are_kept_in_lowest_terms() {
        assert_eq!(Value::exact_ratio("-2", "6").unwrap().to_string(), "-1/3");
        assert_eq!(Value::exact_ratio("4", "2"), Some(Value::Int(2)));
        assert_eq!(Value::exact_ratio("1", "0"), None);
        assert_eq!(Value::exact_ratio("1", "-2"), None);
        assert_eq!(Value::exact_ratio(&i128::MIN.to_string(), "2"), Some(Value::Int(i128::MIN / 2)));
    }

    #[test]
    fn decimals_lose_nothing_but_zeros() {
        assert_eq!(decimal("1.50"), "1.5M");
        assert_eq!(decimal("-0.0010"), "-0.001M");
        assert_eq!(decimal("0.10000000000000000001"), "0.10000000000000000001M");
        assert_eq!(decimal("100"), "1E2M");
        assert_eq!(decimal("1e400"), "1E400M");
        assert_eq!(decimal("-0.0"), "0M");
        for text in ["1E2", "-0.001", "0.10000000000000000001", "1E-400"] {
            assert_eq!(decimal(text), format!("{text}M"), "the canonical form is its own");
        }
    }

    #[test]
    fn digits_in_another_radix_are_converted_whole() {
        assert_eq!(Value::radix_integer(true, "fF", 16), Some(Value::Int(-255)));
        let text = Value::radix_integer(false, &format!("1{}", "0".repeat(32)), 16).unwrap().to_string();
        assert_eq!(text, "340282366920938463463374607431768211456N");
        assert_eq!(Value::radix_integer(false, "12", 2), None);
    }

    #[test]
    fn a_journal_holds_only_canonical_numbers() {
        for (text, is_canonical) in
            [("1/3", true), ("2/6", false), ("5N", false), ("01/3", false), ("", false), ("1.5M", true)]
        {
            assert_eq!(Number::from_canonical(text).is_some(), is_canonical, "{text}");
        }
    }
}
