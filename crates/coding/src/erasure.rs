//! The erasure code over the cells of one stripe: parity from data, and any cell from k others.
//!
//! Parity is made by the code's own encoder. Its decoder is not used: it costs a millisecond however
//! little there is to decode, for it is made for thousands of shards. The code is linear, so with few
//! shards a missing cell is plainly a sum of multiples of k others; the multiples come from k linear
//! equations over the code's field, and the multiplying is the code's own vectorised kernel.
#![expect(clippy::indexing_slicing, reason = "indices are below n or k, and symbols below the field's order")]

use model::Code;
use reed_solomon_simd::ReedSolomonEncoder;
use reed_solomon_simd::engine::tables::{self, ExpLog};
use reed_solomon_simd::engine::{DefaultEngine, Engine, GF_MODULUS, GfElement, utils};

use crate::error::NotEnough;
use crate::limits::ALIGN;

/// Blocks of 64 bytes that are multiplied at a time: what stays in the first-level cache.
const BLOCKS: usize = 128;

/// Bytes of a cell that are coded at a time: a whole cell of a data segment. The large cells of
/// journal segments are coded in slices, so that the code's own memory stays small and in the cache.
const SLICE: usize = 64 << 10;

/// Makes the parity cells of stripe after stripe.
pub(crate) struct Parity {
    code: Code,
    /// None where parity is a copy, or there is none.
    encoder: Option<ReedSolomonEncoder>,
}

impl Parity {
    pub(crate) fn new(code: Code) -> Parity {
        let (k, m) = (usize::from(code.k), usize::from(code.m));
        #[expect(clippy::expect_used, reason = "the code takes any k and m below 256")]
        let encoder = || ReedSolomonEncoder::new(k, m, ALIGN).expect("a code of bytes");
        Parity { code, encoder: (k > 1 && m > 0).then(encoder) }
    }

    /// Takes the k data cells of a stripe, of one length that is a multiple of 64, and hands out its
    /// m parity cells by their number, slice by slice.
    #[expect(clippy::expect_used, reason = "exactly k slices of the announced length are given")]
    pub(crate) fn make(&mut self, data: &[&[u8]], mut parity: impl FnMut(usize, &[u8])) {
        let Code { k, m } = self.code;
        let Some(encoder) = &mut self.encoder else {
            return (0..m.into()).for_each(|copy| parity(copy, data[0]));
        };
        for start in (0..data[0].len()).step_by(SLICE) {
            let slice = start..(start + SLICE).min(data[0].len());
            encoder.reset(k.into(), m.into(), slice.len()).expect("a positive multiple of 64");
            for cell in data {
                encoder.add_original_shard(&cell[slice.clone()]).expect("a slice of the announced length");
            }
            let encoded = encoder.encode().expect("k slices were added");
            encoded.recovery_iter().enumerate().for_each(|(number, slice)| parity(number, slice));
        }
    }
}

/// How one cell follows from others of its stripe: the sum of their multiples.
pub(crate) struct Recipe {
    /// Piece index and logarithm of the factor.
    terms: Vec<(u8, GfElement)>,
    engine: DefaultEngine,
}

impl Recipe {
    /// How the cell of piece `want` follows from k of those in `have`, data pieces preferred. Copies are all
    /// the same, and there may be more of them than the code says: further ones were made later.
    ///
    /// An index that is not below n is none.
    pub(crate) fn new(code: Code, have: &[u8], want: u8) -> Result<Recipe, NotEnough> {
        let mut have = have.to_vec();
        have.sort_unstable();
        have.dedup();
        if code.k == 1 {
            let copy = *have.first().ok_or(NotEnough { have: 0, need: 1 })?;
            return Ok(Recipe { terms: vec![(copy, 0)], engine: DefaultEngine::new() });
        }
        let need = usize::from(code.k);
        have.retain(|index| *index < code.n());
        if want >= code.n() {
            return Err(NotEnough { have: have.len(), need });
        }
        if have.contains(&want) {
            return Ok(Recipe { terms: vec![(want, 0)], engine: DefaultEngine::new() });
        }
        if have.len() < need {
            return Err(NotEnough { have: have.len(), need });
        }
        have.truncate(need);
        let field = Field(tables::get_exp_log());
        let rows = generator(code, field);
        let factors = solve(
            field,
            &have.iter().map(|index| &rows[usize::from(*index)]).collect::<Vec<_>>(),
            &rows[usize::from(want)],
        );
        let terms = have.into_iter().zip(factors).filter(|(_, factor)| *factor != 0);
        let terms = terms.map(|(index, factor)| (index, field.log(factor))).collect();
        Ok(Recipe { terms, engine: DefaultEngine::new() })
    }

    /// Makes the cell, or a slice of it, in `out` from the same slices of the others.
    ///
    /// Panics when slices differ in length, or are no multiples of 64.
    pub(crate) fn make<'a>(&self, out: &mut [u8], slice: impl Fn(u8) -> &'a [u8]) {
        out.fill(0);
        let (out, rest) = out.as_chunks_mut::<ALIGN>();
        assert!(rest.is_empty(), "slices are multiples of {ALIGN} bytes");
        let mut product = [[0; ALIGN]; BLOCKS];
        for (index, log) in &self.terms {
            let (blocks, _) = slice(*index).as_chunks::<ALIGN>();
            assert_eq!(blocks.len(), out.len(), "slices of one stripe have one length");
            for (sum, blocks) in out.chunks_mut(BLOCKS).zip(blocks.chunks(BLOCKS)) {
                let product = &mut product[..blocks.len()];
                product.copy_from_slice(blocks);
                if *log != 0 {
                    self.engine.mul(product, *log);
                }
                utils::xor(sum, product);
            }
        }
    }
}

/// Gives cells, or equal slices of cells of one stripe, back from any k others.
///
/// `have` holds piece indices with their bytes; `want` names the indices to return, data or parity,
/// in the order of the answer. Slices begin at a multiple of 64 within the cell and end at one.
///
/// Panics when slices differ in length or are no multiples of 64.
pub fn decode(code: Code, have: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<Vec<u8>>, NotEnough> {
    let indices: Vec<u8> = have.iter().map(|(index, _)| *index).collect();
    let length = have.first().map_or(0, |(_, slice)| slice.len());
    let slice = |index| have.iter().find(|(have, _)| *have == index).map_or(&[] as &[u8], |(_, slice)| *slice);
    let one = |want: &u8| {
        let recipe = Recipe::new(code, &indices, *want)?;
        let mut cell = vec![0; length];
        recipe.make(&mut cell, slice);
        Ok(cell)
    };
    want.iter().map(one).collect()
}

/// What each piece is of the data: n rows of k factors. Data pieces are themselves.
fn generator(code: Code, field: Field) -> Vec<Vec<GfElement>> {
    let k = usize::from(code.k);
    let mut rows: Vec<Vec<GfElement>> =
        (0..k).map(|row| (0..k).map(|column| if row == column { field.one() } else { 0 }).collect()).collect();
    // The parity of data in which symbol j of shard j is one and all others are zero.
    // That is one slice: k is below 256.
    let length = k.div_ceil(SYMBOLS) * ALIGN;
    let mut unit = vec![vec![0; length]; k];
    unit.iter_mut().enumerate().for_each(|(shard, bytes)| set_symbol(bytes, shard, field.one()));
    let shards: Vec<&[u8]> = unit.iter().map(Vec::as_slice).collect();
    Parity::new(code).make(&shards, |_, parity| {
        rows.push((0..k).map(|column| symbol(parity, column)).collect());
    });
    rows
}

/// Symbols of 16 bits in a block: first their low bytes, then their high bytes.
const SYMBOLS: usize = ALIGN / 2;

fn symbol(bytes: &[u8], at: usize) -> GfElement {
    let low = at / SYMBOLS * ALIGN + at % SYMBOLS;
    GfElement::from_le_bytes([bytes[low], bytes[low + SYMBOLS]])
}

fn set_symbol(bytes: &mut [u8], at: usize, value: GfElement) {
    let low = at / SYMBOLS * ALIGN + at % SYMBOLS;
    [bytes[low], bytes[low + SYMBOLS]] = value.to_le_bytes();
}

/// The factors with which the rows add up to `sum`, by Gauss and Jordan: k equations, one for each
/// data cell, in k unknowns. Any k rows of the generator are independent.
fn solve(field: Field, rows: &[&Vec<GfElement>], sum: &[GfElement]) -> Vec<GfElement> {
    let k = rows.len();
    let mut equations: Vec<Vec<GfElement>> =
        (0..k).map(|data| rows.iter().map(|row| row[data]).chain([sum[data]]).collect()).collect();
    for column in 0..k {
        let pivot = (column..k).find(|row| equations[*row][column] != 0);
        let pivot = pivot.unwrap_or(column);
        equations.swap(column, pivot);
        let inverse = field.inverse(equations[column][column]);
        equations[column].iter_mut().for_each(|value| *value = field.mul(*value, inverse));
        let solved = equations[column].clone();
        for (_, equation) in equations.iter_mut().enumerate().filter(|(row, _)| *row != column) {
            let factor = equation[column];
            equation.iter_mut().zip(&solved).for_each(|(value, solved)| *value ^= field.mul(*solved, factor));
        }
    }
    equations.iter().map(|equation| equation[k]).collect()
}

/// The code's field of 2¹⁶ elements; adding is exclusive or.
#[derive(Clone, Copy)]
struct Field(&'static ExpLog);

impl Field {
    fn one(self) -> GfElement {
        self.0.exp[0]
    }

    /// Of an element that is not zero.
    fn log(self, element: GfElement) -> GfElement {
        self.0.log[usize::from(element)] % GF_MODULUS
    }

    fn mul(self, a: GfElement, b: GfElement) -> GfElement {
        if b == 0 { 0 } else { tables::mul(a, self.log(b), &self.0.exp, &self.0.log) }
    }

    /// Of an element that is not zero.
    fn inverse(self, element: GfElement) -> GfElement {
        self.0.exp[usize::from((GF_MODULUS - self.log(element)) % GF_MODULUS)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reed_solomon_simd::ReedSolomonDecoder;

    use super::*;
    use crate::testing::{CODES, Dice};

    /// All cells of a stripe.
    fn stripe(code: Code, cell: usize, dice: &mut Dice) -> Vec<Vec<u8>> {
        let mut cells: Vec<Vec<u8>> = (0..code.k).map(|_| dice.vec(cell)).collect();
        let data: Vec<Vec<u8>> = cells.clone();
        let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
        cells.resize(code.n().into(), Vec::new());
        Parity::new(code).make(&data, |number, slice| cells[usize::from(code.k) + number].extend_from_slice(slice));
        cells
    }

    /// What the code's own decoder says.
    fn reference(code: Code, have: &[(u8, &[u8])], want: u8) -> Vec<u8> {
        let bytes = have[0].1.len();
        let mut decoder = ReedSolomonDecoder::new(code.k.into(), code.m.into(), bytes).unwrap();
        for (index, cell) in have {
            match index.checked_sub(code.k) {
                None => decoder.add_original_shard((*index).into(), cell).unwrap(),
                Some(parity) => decoder.add_recovery_shard(parity.into(), cell).unwrap(),
            }
        }
        decoder.decode().unwrap().restored_original(want.into()).unwrap().to_vec()
    }

    #[test]
    fn the_field_has_inverses_and_a_one() {
        let field = Field(tables::get_exp_log());
        for element in 1..=GfElement::MAX {
            assert_eq!(field.mul(element, field.one()), element);
            assert_eq!(field.mul(element, field.inverse(element)), field.one());
        }
    }

    #[test]
    fn wide_codes_decode_too() {
        let code = Code { k: 100, m: 20 };
        let cells = stripe(code, 64, &mut Dice::new(1));
        let have: Vec<(u8, &[u8])> = (20..120).map(|index| (index, cells[usize::from(index)].as_slice())).collect();
        assert_eq!(decode(code, &have, &[0, 19]).unwrap(), [cells[0].clone(), cells[19].clone()]);
    }

    proptest! {
        #[test]
        fn cells_are_what_the_codes_own_decoder_gives(
            seed: u64,
            code in prop::sample::select(&CODES).prop_filter("coded", |code| code.k > 1 && code.m > 0),
            blocks in 1usize..2500,
            lost in 1u8..4,
        ) {
            let mut dice = Dice::new(seed);
            let cells = stripe(code, blocks * 64, &mut dice);
            let mut left: Vec<u8> = (0..code.n()).collect();
            let want = left.remove(dice.below(code.k.into()));
            for _ in 1..lost.min(code.m) {
                left.remove(dice.below(left.len()));
            }
            let have: Vec<(u8, &[u8])> = left.iter().map(|index| (*index, cells[usize::from(*index)].as_slice())).collect();
            let decoded = decode(code, &have, &[want]).unwrap().remove(0);
            prop_assert_eq!(&decoded, &cells[usize::from(want)]);
            prop_assert_eq!(&decoded, &reference(code, &have, want));
        }
    }
}
