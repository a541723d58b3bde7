// One file that torch.save wrote: a zip file of a pickle and of one entry per storage, treated as hostile
// input.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "models/files/tensor_file.h"

namespace reel::models {

/// The tensors of a PyTorch checkpoint in the zip format of PyTorch 1.6 and later, given as the bytes of the
/// whole file. They are read as data: only tensors are built, and nothing in the file is run
/// (models/files/pickle.h).
///
/// Tensors are named by their path in nested dictionaries and lists, keys joined by dots; numbers, texts and
/// the like are ignored. Two wrappers are removed, with everything beside them (epochs, optimisers): a
/// dictionary under `state_dict`, as PyTorch Lightning writes it, or else one under `module`, as DeepSpeed
/// does, whose keys then lose the prefix `_forward_module.`.
///
/// Everything is checked before a byte of data is trusted: the zip directory (read_zip), the pickle
/// (read_pickle), that each storage is an entry of exactly its size, and that each view lies within its
/// storage (in 128 bits) and has no more elements than it. At most 1,000,000 tensors; names of at most 1 KiB,
/// valid UTF-8, none twice; dictionaries at most 32 deep. Big-endian files and those of PyTorch before 1.6
/// are refused.
/// Throws: std::runtime_error "what is wrong", to which the caller adds place and way out.
std::map<std::string, TensorInfo> read_pytorch(std::string_view bytes);

/// A memory-mapped PyTorch checkpoint (.ckpt, .pt, .pth, .bin).
class PyTorchFile : public TensorFile {
 public:
  /// Throws: std::runtime_error "[path] ..." as read_pytorch.
  static std::shared_ptr<const PyTorchFile> open(const std::string& path);

 private:
  explicit PyTorchFile(const std::string& path) : TensorFile(path) {}
};

}  // namespace reel::models
