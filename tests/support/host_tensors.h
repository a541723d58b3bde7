// Counts the bytes of tensors on the host: of this program, from the first use on.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <map>
#include <mutex>

namespace reel {

/// Stands before LibTorch's allocator for the rest of the program, since tensors may outlive whoever counts.
class HostTensors : public c10::Allocator {
 public:
  static HostTensors& counter() {
    static auto* const only = new HostTensors;  // never freed, as the blocks it knows
    return *only;
  }

  int64_t live() const {
    const std::lock_guard lock(mutex_);
    return live_;
  }
  /// The most bytes alive at one time since the last call.
  int64_t take_peak() {
    const std::lock_guard lock(mutex_);
    return std::exchange(peak_, live_);
  }

  // ATen asks for raw blocks, too, so the context is the block itself.
  c10::DataPtr allocate(size_t bytes) override {
    void* block = inner_->raw_allocate(bytes);
    if (block) {
      const std::lock_guard lock(mutex_);
      sizes_[block] = static_cast<int64_t>(bytes);
      live_ += static_cast<int64_t>(bytes);
      peak_ = std::max(peak_, live_);
    }
    return {block, block, &HostTensors::free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &HostTensors::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  HostTensors() : inner_(c10::GetAllocator(c10::kCPU)) {
    c10::SetAllocator(c10::kCPU, this, /*priority=*/255);
  }
  static void free(void* block) {
    HostTensors& self = counter();
    if (block) {
      const std::lock_guard lock(self.mutex_);
      const auto found = self.sizes_.find(block);
      self.live_ -= found->second;
      self.sizes_.erase(found);
    }
    self.inner_->raw_deallocate(block);
  }

  c10::Allocator* inner_;
  mutable std::mutex mutex_;
  std::map<void*, int64_t> sizes_;
  int64_t live_ = 0, peak_ = 0;
};

}  // namespace reel
