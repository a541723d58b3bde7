// The directory of a zip file whose entries are stored as they are, as torch.save writes it.
//
// A reader of our own, since the libraries at hand (minizip, libzip, miniz) copy what they read: here the
// tensors stay in the memory map of the file.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace reel::models {

/// Where an entry's content lies, in bytes from the start of the file.
struct ZipEntry {
  uint64_t begin = 0, end = 0;
};

/// The entries by name; zip64 is understood. The bytes are not trusted: every offset and length is checked
/// against the file, the directory must lie where the records at the end say and hold as many entries as they
/// say, the header of each entry must agree with the directory, and no two entries may share bytes or a name.
/// Refuses compressed and encrypted entries, archives in several parts, more than 1,000,000 entries, and
/// names that are above 1 KiB, are not UTF-8 or lead out of a folder. Checksums are not compared: that would
/// read the whole file, and torch.save can be told to leave them wrong.
/// Throws: std::runtime_error "what is wrong", to which the caller adds place and way out.
/// Source: PKWARE, APPNOTE.TXT 6.3.10, "ZIP File Format Specification", sections 4.3 to 4.5.
std::map<std::string, ZipEntry> read_zip(std::string_view bytes);

}  // namespace reel::models
