// Pictures as hostile input, with what their refusal must say. Long because it is one table of files.
#pragma once

#include <vector>

#include "tests/support/malformed_file.h"
#include "tests/support/picture_bytes.h"
#include "tests/support/temporary_folder.h"

namespace reel {

/// `name` of tests/golden/stills.
inline std::string still_bytes(const std::string& name) { return read_file(REEL_GOLDEN "/stills/" + name); }

/// Sound files, cut off in their header, in the middle and near their end.
inline std::vector<MalformedFile> pictures_that_are_cut() {
  std::vector<MalformedFile> files;
  for (const std::string name : {"444.jpg",        "large_420.jpg",    "large_420_progressive.jpg",
                                 "cmyk.jpg",       "rgb_8.png",        "rgb_16_interlaced.png",
                                 "lossy.webp",     "lossless.webp",    "animated.webp",
                                 "rgb.bmp",        "runs.bmp",         "rgb_raw.tif",
                                 "rgb_lzw.tif",    "plain.gif",        "interlaced.gif",
                                 "binary_255.ppm", "binary_65535.pgm", "binary.pbm",
                                 "plain_7.ppm",    "dense.pbm"}) {
    const std::string whole = still_bytes(name);
    for (const size_t kept : {size_t{18}, whole.size() / 2, whole.size() - 5})
      files.push_back(
          {name + " cut to " + std::to_string(kept), whole.substr(0, kept), "copy or make it again"});
  }
  return files;
}

/// Headers that promise more than is read, and small files that unpack to much.
inline std::vector<MalformedFile> pictures_that_are_huge() {
  using namespace picture_bytes;
  const std::string jpeg = still_bytes("444.jpg");
  const size_t frame = jpeg.find(raw("\xff\xc0"));
  const std::string progressive = still_bytes("large_420_progressive.jpg");
  const size_t progressive_frame = progressive.find(raw("\xff\xc2"));
  return {
      {"JpegOf65535", with(jpeg, frame + 5, raw("\xff\xff\xff\xff")),
       "of more than 65500 pixels a side, which reel does not read"},
      {"JpegOf65500", with(jpeg, frame + 5, big(65500, 2) + big(65500, 2)),
       "is too large: 65500x65500 pixels"},
      {"JpegOfManyBlocks", with(progressive, progressive_frame + 5, big(9000, 2) + big(9000, 2)),
       "is too large"},
      {"JpegOfManyScans", with_scans(progressive, 600), "with more scans than pictures need"},
      {"JpegOfManyScansOfManyBlocks",
       with_scans(with(progressive, progressive_frame + 5, big(5000, 2) + big(5000, 2)), 400),
       "copy or make it again"},
      {"PngOfTerapixels", png(1'000'000, 1'000'000, 8, 2, chunk("IDAT", zeros_packed(100))),
       "is too large: 1000000x1000000"},
      {"PngOf31Bits", png(0x7fffffff, 0x7fffffff, 16, 6, chunk("IDAT", zeros_packed(100))), "is too large"},
      {"PngOfGigapixelsPacked", png(40'000, 40'000, 1, 0, chunk("IDAT", zeros_packed(5001 * 40'000))),
       "is too large"},
      {"PngOfOneRow", png(0x7fffffff, 1, 1, 0, chunk("IDAT", zeros_packed(100))),
       "is too large: 2147483647x1"},
      {"PngOfDeepGreys", png(9000, 9000, 16, 0, chunk("IDAT", zeros_packed(100))), "is too large"},
      {"PngWithTooFewPixels", png(9000, 9000, 8, 2, chunk("IDAT", zeros_packed(9000 * 2700))),
       "is a damaged PNG"},
      {"WebpOfGigapixels", riff(riff_chunk("VP8X", raw("\0\0\0\0\xff\xff\xff\xff\xff\xff"))),
       "is a damaged WebP"},
      {"WebpOf16383", with(still_bytes("lossy.webp"), 26, raw("\xff\x3f\xff\x3f")),
       "is too large: 16383x16383"},
      {"GifOf65535", gif(65535, 65535, gif_frame(1, 1, 2, raw("\x44\1"))), "is too large: 65535x65535"},
      {"GifOfALargeFrame", gif(1, 1, gif_frame(65535, 65535, 2, raw("\x44\1"))), "is too large: 65535x65535"},
      {"BmpOf31Bits", bmp(0x7fffffff, 0x7fffffff, 24, 0, "xyz"), "is too large"},
      {"TiffOf32Bits", grey_tiff(0xffffffff, 0xffffffff), "its directory makes no sense"},
      {"TiffOf20Bits", grey_tiff(0xfffff, 0xfffff), "is too large: 1048575x1048575"},
      {"TiffOfLargeTiles",
       tiff({{256, 4, 60'000},
             {257, 4, 1},
             {258, 3, 8},
             {259, 3, 1},
             {262, 3, 1},
             {277, 3, 1},
             {322, 4, 16},
             {323, 4, 160'000},
             {324, 4, 8},
             {325, 4, 16}},
            std::string(16, 'x')),
       "which take "},
      {"TiffOfOneTile",
       tiff({{256, 4, 6},
             {257, 4, 1},
             {258, 3, 8},
             {259, 3, 1},
             {262, 3, 1},
             {277, 3, 1},
             {322, 4, 65'536},
             {323, 4, 65'536},
             {324, 4, 8},
             {325, 4, 16}},
            std::string(16, 'x')),
       "which take "},
      {"PpmOfManyDigits", "P6 9999999999 9999999999 255\nxyz", "it is cut off"},
      {"PpmOfOneColumn", "P6 1 9999999999 255\nxyz", "it is cut off"},
      {"PgmWithoutRows", "P5 9999999999 0 255\n", "must have pixels"},
      {"Y4mOf60000", "YUV4MPEG2 W60000 H60000 F8:1\nFRAME\nxyz", "must have frames of 1 to 2^28 pixels"},
      {"Y4mOf16000", "YUV4MPEG2 W16000 H16000 F8:1\nFRAME\nxyz", "ends inside frame 0"},
      {"SafetensorsOfMore",
       raw("\x45\0\0\0\0\0\0\0") +
           R"({"image":{"dtype":"U8","shape":[9,9,3],"data_offsets":[0,243]}}             )",
       "a.picture"},
  };
}

/// Files whose parts do not fit each other.
inline std::vector<MalformedFile> pictures_that_are_corrupt() {
  using namespace picture_bytes;
  const std::string jpeg = still_bytes("444.jpg"), png8 = still_bytes("rgb_8.png"),
                    webp = still_bytes("lossy.webp");
  const size_t frame = jpeg.find(raw("\xff\xc0")), scan = jpeg.find(raw("\xff\xda"));
  std::string swapped = jpeg;
  for (size_t i = scan + 40; i < scan + 240; ++i)
    swapped[i] = i % 2 == 0 ? '\xff' : '\0';  // ones only: no code
  const std::string pixels = chunk("IDAT", zeros_packed(20));
  return {
      {"JpegOfOtherData", swapped, "is a damaged JPEG"},
      {"JpegWithoutRows", with(jpeg, frame + 5, raw("\0\0")), "is a damaged JPEG"},
      {"JpegWithoutColumns", with(jpeg, frame + 7, raw("\0\0")), "is a damaged JPEG"},
      {"JpegOf12Bits", with(jpeg, frame + 4, "\x0c"), "which reel does not read"},
      {"JpegWithoutLoss", with(jpeg, frame + 1, "\xc3"), "which reel does not read"},
      {"JpegWithoutTables", jpeg.substr(0, 2) + jpeg.substr(frame), "is a damaged JPEG"},
      {"JpegOfNothing", raw("\xff\xd8\xff\xd9"), "is a damaged JPEG"},
      {"JpegOfMarks", "\xff\xd8" + std::string(4000, '\xff'), "is a damaged JPEG"},
      {"JpegOfTwoChannels", with(jpeg, frame + 9, "\2"), "is a "},
      {"PngWithAWrongSum", with(png8, png8.size() - 30, "x"), "is a damaged PNG"},
      {"PngOfLines", "\x89PNG\n\x1a\n" + png8.substr(8), "is of no known kind"},
      {"PngWithoutColumns", png(0, 1, 8, 2, pixels), "is a damaged PNG"},
      {"PngOf3Bits", png(2, 2, 3, 0, pixels), "is a damaged PNG"},
      {"PngOfUnknownColours", png(2, 2, 8, 5, pixels), "is a damaged PNG"},
      {"PngWithoutPixels", png(2, 2, 8, 0, ""), "is a damaged PNG"},
      {"PngWithoutPalette", png(2, 2, 8, 3, pixels), "is a damaged PNG"},
      {"PngWithAnUnknownPart", png(2, 2, 8, 0, chunk("ABCD", "x") + pixels), "is a damaged PNG"},
      {"PngOfOtherData", png(2, 2, 8, 0, chunk("IDAT", std::string(40, 'z'))), "is a damaged PNG"},
      {"PngOfAnUnknownFilter", png(1, 1, 8, 0, chunk("IDAT", raw("\x78\1\1\2\0\xfd\xff\7\7\0\x1d\0\x0f"))),
       "is a damaged PNG"},
      {"WebpOfOtherData", with(webp, 40, std::string(60, 'z')), "is a damaged WebP"},
      {"WebpThatIsLonger", with(webp, 4, little(0xfffffff0, 4)), "is a damaged WebP: it is cut off"},
      {"WebpWithALongChunk", with(webp, 16, little(0xfffffff0, 4)), "is a damaged WebP: it is cut off"},
      {"WebpWithoutChunks", riff(""), "is a damaged WebP"},
      {"WebpOfASmallCanvas", riff(riff_chunk("VP8X", raw("\0\0\0\0\1\0\0\1\0\0")) + webp.substr(12)),
       "its picture is larger"},
      {"WebpInWebp",
       riff(riff_chunk("ANMF",
                       std::string(16, '\0') + repeated(riff_chunk("ANMF", std::string(16, '\0')), 9999))),
       "it has no pixels"},
      {"GifWithoutPicture", gif(2, 2, ";"), "it has no picture"},
      {"GifWithoutPixels", gif(2, 2, gif_frame(0, 2, 2, "x")), "no pixels"},
      {"GifOfLargeCodes", gif(2, 2, gif_frame(2, 2, 12, "xxxx")), "its codes have a wrong size"},
      {"GifOfUnknownCodes", gif(2, 2, gif_frame(2, 2, 2, "\xff\xff\xff")), "one of its codes makes no sense"},
      {"GifThatEndsEarly", gif(2, 2, gif_frame(2, 2, 2, raw("\x2c\0"))), "it ends before its last pixel"},
      {"GifOfExtensions", gif(2, 2, repeated("!\xfe\1x" + raw("\0"), 100000)), "it is cut off"},
      {"BmpOf7Bits", bmp(2, 2, 7, 0, std::string(40, 'x')),
       "is a BMP of 7 bits a pixel, which reel does not read"},
      {"BmpOfAnUnknownKind", bmp(2, 2, 24, 77, std::string(40, 'x')), "is a BMP of packing 77"},
      {"BmpWithoutRows", bmp(2, 0, 24, 0, std::string(40, 'x')), "must have pixels"},
      {"BmpOfNegativeColumns", bmp(0xffffffff, 2, 24, 0, std::string(40, 'x')), "must have pixels"},
      {"BmpWithDataElsewhere", with(bmp(2, 2, 24, 0, std::string(40, 'x')), 10, little(0x7fffffff, 4)),
       "is a damaged BMP"},
      {"BmpOfRunsBeyond", bmp(2, 2, 8, 1, raw("\xff\1\xff\1\xff\1\xff\1")), "is a damaged BMP"},
      {"TiffWithoutDirectory", raw("II*\0\xff\xff\xff\x7f"), "its directory makes no sense"},
      {"TiffOfNothing", raw("II*\0\x08\0\0\0\0\0\0\0\0\0"), "is a damaged TIFF"},
      {"TiffOfDataElsewhere", grey_tiff(4, 4, {{273, 4, 0x7fffffff}}), "is a damaged TIFF"},
      {"TiffOfAnUnknownPacking", grey_tiff(4, 4, {{259, 3, 4711}}), "is a damaged TIFF"},
      {"TiffOfOtherPacking", grey_tiff(4, 4, {{259, 3, 5}}), "is a damaged TIFF"},
      {"TiffOfManyChannels", grey_tiff(4, 4, {{277, 3, 60000}}), "which reel does not read"},
      {"TiffOf3Bits", grey_tiff(4, 4, {{258, 3, 3}}), "which reel does not read"},
      {"TiffThatIsBig", raw("II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"), "is a damaged TIFF"},
      {"PgmWithoutLevels", "P5 2 2 0\nxxxx", "its levels must be 1 to 65535, got 0"},
      {"PgmOfManyLevels", "P5 2 2 65536\nxxxxxxxx", "got 65536"},
      {"PgmOfWords", "P2 2 2 255\n1 2 three 4\n", "no number where one belongs"},
      {"PgmOfNegatives", "P2 2 2 255\n1 2 -3 4\n", "no number where one belongs"},
      {"PgmBeyondItsLevels", "P2 2 2 9\n1 2 10 4\n", "a value beyond its levels"},
      {"PgmOfLongNumbers", "P2 2 2 9\n" + std::string(5000, '1'), "no number where one belongs"},
      {"PbmOfTwos", "P1 2 2 0 1 2 1", "a value beyond its levels"},
      {"PpmOfComments", "P6 " + repeated("# x\n", 100000), "it is cut off"},
      {"PpmOfOneComment", "P6 #" + std::string(100000, 'x'), "it is cut off"},
      {"Y4mWithoutFrames", "YUV4MPEG2 W2 H2 F8:1\n", "it has no frames"},
      {"Y4mOfDeepFrames", "YUV4MPEG2 W2 H2 C420p10\nFRAME\n", "must be a y4m file with 8-bit frames"},
      {"Y4mWithoutEnd", "YUV4MPEG2 " + std::string(100000, 'W'), "must be a y4m file"},
      {"SafetensorsOfNothing", raw("\2\0\0\0\0\0\0\0{}"), "must hold a tensor 'image'"},
      {"SafetensorsOfWords", raw("\4\0\0\0\0\0\0\0{xx}"), "a.picture"},
  };
}

/// Files that are something else.
inline std::vector<MalformedFile> files_that_are_no_pictures() {
  using namespace picture_bytes;
  const std::string more(600, 'x');
  return {
      {"Empty", "", "is empty"},
      {"OneByte", "\xff", "is of no known kind (it begins with ff)"},
      {"Zeros", std::string(5000, '\0'), "has zeros only"},
      {"WhiteSpace", " \n\n ", "has white space only"},
      {"Html", "\n<!DOCTYPE html><html>404</html>", "is an HTML page; download the picture itself"},
      {"HtmlWithMark", "\xef\xbb\xbf<HTML>", "is an HTML page"},
      {"Svg", "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing"},
      {"Xml", "<?xml version='1.0'?><a/>", "is an XML document"},
      {"Json", R"({"error": "not found"})", "is a JSON text"},
      {"Text", "not found", "is a text"},
      {"LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"},
      {"Mp4", raw("\0\0\0\x20") + "ftypisom" + more, "is a video"},
      {"WebM", "\x1a\x45\xdf\xa3" + more, "is a video"},
      {"Avi", "RIFF1234AVI LIST" + more, "is a video"},
      {"TransportStream", "G" + std::string(187, 'x') + "G" + std::string(187, 'x') + "G" + more,
       "is a video"},
      {"Heic", raw("\0\0\0\x20") + "ftypheic" + more, "is a HEIC picture; convert it"},
      {"Avif", raw("\0\0\0\x20") + "ftypavif" + more, "is an AVIF picture; convert it"},
      {"Jpeg2000", raw("\0\0\0\x0cjP  \r\n\x87\n") + more, "is a JPEG 2000 picture"},
      {"JpegXl", "\xff\x0a" + more, "is a JPEG XL picture"},
      {"Photoshop", raw("8BPS\0\1") + more, "is a Photoshop document"},
      {"Icon", raw("\0\0\1\0\1\0") + more, "is an icon"},
      {"Pam", "P7\nWIDTH 1\n", "is a PAM picture"},
      {"Wave", "RIFF1234WAVEfmt " + more, "is a sound file"},
      {"Pdf", "%PDF-1.7" + more, "is a PDF document"},
      {"Zip", "PK\3\4" + more, "is an archive"},
      {"Gzip", "\x1f\x8b\x08" + more, "is an archive"},
      {"Program",
       "\x7f"
       "ELF" +
           more,
       "is a program"},
      {"Script", "#!/bin/sh\n", "is a script"},
      {"NumpyArray", "\x93NUMPY" + more, "is a NumPy array"},
      {"Database", raw("SQLite format 3\0") + more, "is a database"},
      {"Noise", "\x93\x12\xf0\xe1\xc2\x03\x7f\x99" + more,
       "is of no known kind (it begins with 93 12 f0 e1 c2 03 7f 99)"},
      {"Terminal", "\x1b[2J\x1b[31m", "is of no known kind (it begins with 1b 5b"},
  };
}

}  // namespace reel
