//! Turns a drawing into pixels, with the fonts embedded in the binary.

use std::sync::{Arc, OnceLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, fontdb},
};

use super::svg::Svg;

/// Pixels per unit of the drawing: sharp on a dense screen, and on paper at the width of a page.
pub const SCALE: f32 = 2.0;

/// Inter, regular: a subset, under the SIL Open Font License in `assets/fonts`.
const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");

/// Inter, semi-bold: likewise.
const SEMI_BOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");

/// Why a drawing can't be rasterised. None of these happens to a drawing of a sensible size made by [`Svg`].
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// The drawing is not valid SVG.
    #[error("the drawing is not valid SVG: {0}")]
    Parse(#[from] usvg::Error),
    /// The drawing is empty or too large to hold in memory.
    #[error("a picture of {width} by {height} pixels cannot be held in memory")]
    Size {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// The picture could not be compressed.
    #[error("the picture could not be encoded: {0}")]
    Encode(#[from] png::EncodingError),
}

/// The drawing as a PNG in light colours, [`SCALE`] times its size. Costs some milliseconds.
pub fn png(drawing: &Svg) -> Result<Vec<u8>, RasterError> {
    let options =
        usvg::Options { fontdb: fonts(), font_family: "Inter".to_owned(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&drawing.finish_light(), &options)?;
    let size = tree.size().to_int_size();
    let [width, height] = [size.width(), size.height()].map(|side| (side as f32 * SCALE) as u32);
    let mut pixels = Pixmap::new(width, height).ok_or(RasterError::Size { width, height })?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    encode(&pixels)
}

/// The two embedded typefaces, parsed once.
fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut database = fontdb::Database::new();
            database.load_font_data(REGULAR.to_vec());
            database.load_font_data(SEMI_BOLD.to_vec());
            Arc::new(database)
        })
        .clone()
}

/// Compresses for speed: a run waits for this. The paper is opaque, so the fourth channel is left out.
fn encode(pixels: &Pixmap) -> Result<Vec<u8>, RasterError> {
    let opaque: Vec<u8> =
        pixels.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&opaque)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{
        ink::Ink,
        svg::{Style, Text},
    };

    #[test]
    fn letters_are_drawn_without_any_font_installed() {
        let blank = Svg::new(60.0, 20.0, "blank");
        let mut written = Svg::new(60.0, 20.0, "written");
        written.text([4.0, 14.0], "latency", Text::new(Ink::Text, 12.0));
        assert!(png(&written).unwrap().len() > png(&blank).unwrap().len() + 200);
    }

    #[test]
    fn a_picture_has_its_size_and_its_colours() {
        let mut drawing = Svg::new(10.0, 5.0, "red");
        drawing.rect([0.0, 0.0], [10.0, 5.0], Style::fill(Ink::Fail));
        let bytes = png(&drawing).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (20, 10));
        assert_eq!(pixels[..3], [0xc8, 0x1d, 0x5f]);
    }
}
