#include "models/files/input/content_kind.h"

#include <algorithm>
#include <cctype>

namespace reel::models {
namespace {

struct Signature {
  std::string_view bytes;
  const char* what;
};

using namespace std::literals;

constexpr Signature kSignatures[] = {
    {"PK\x03\x04"sv,
     "it is a zip file, as torch.save writes (a pickle and its tensors); rename it to .ckpt or .pt"},
    {"\x80\x02"sv,
     "it is a pickle, as torch.save wrote before PyTorch 1.6; if you trust it, load it in Python and save "
     "its tensors as "
     "safetensors"},
    {"\x80\x03"sv,
     "it is a pickle of Python objects; if you trust it, load it in Python and save its tensors as "
     "safetensors"},
    {"\x80\x04"sv,
     "it is a pickle of Python objects; if you trust it, load it in Python and save its tensors as "
     "safetensors"},
    {"\x80\x05"sv,
     "it is a pickle of Python objects; if you trust it, load it in Python and save its tensors as "
     "safetensors"},
    {"version https://git-lfs"sv,
     "it is a pointer of Git LFS, which stands for the file; run git lfs pull, or download the file itself"},
    {"GGUF"sv, "it is a GGUF file; fetch the safetensors of the same model"},
    {"\x93NUMPY"sv, "it is a NumPy array; save it as safetensors"},
    {"\x89HDF"sv, "it is an HDF5 file; fetch the safetensors of the same model"},
    {"\x1f\x8b"sv, "it is compressed by gzip; unpack it first"},
    {"7z\xbc\xaf"sv, "it is a 7z archive; unpack it first"},
    {"Rar!"sv, "it is a RAR archive; unpack it first"},
    {"\x89PNG"sv, "it is a PNG picture; name the file of tensors"},
    {"\xff\xd8\xff"sv, "it is a JPEG picture; name the file of tensors"},
    {"%PDF"sv, "it is a PDF document; name the file of tensors"},
};

}  // namespace

std::string foreign_content(std::string_view bytes) {
  for (const Signature& signature : kSignatures) {
    if (bytes.starts_with(signature.bytes)) return signature.what;
  }
  std::string head(bytes.substr(0, 512));
  if (head.starts_with("\xef\xbb\xbf")) head.erase(0, 3);
  head.erase(0, head.find_first_not_of(" \t\r\n"));
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (head.starts_with("<!doctype html") || head.starts_with("<html") || head.starts_with("<head") ||
      head.starts_with("<!--")) {
    return "it is an HTML page, as servers send in place of a file (a page about it, or one that asks to "
           "sign in); "
           "download the file itself";
  }
  if (head.starts_with("<?xml"))
    return "it is an XML document, as servers send with an error; download the file itself";
  // A header of safetensors begins with eight bytes of its length, so that no such file begins with a brace.
  if (head.starts_with('{') || head.starts_with('['))
    return "it is JSON text, as servers send with an error; download the file itself";
  return "";
}

}  // namespace reel::models
