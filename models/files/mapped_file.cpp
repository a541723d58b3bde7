#include "models/files/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "models/files/input/input_file.h"

namespace reel::models {

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const int descriptor = open_input({path});
  struct stat status {};
  bytes_ = fstat(descriptor, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
  if (bytes_ > 0) {
    map_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  }
  const int error = errno;
  ::close(descriptor);
  if (map_ == MAP_FAILED) {
    throw std::runtime_error("[" + path +
                             "] cannot be mapped into memory: " + std::string(std::strerror(error)));
  }
}

MappedFile::~MappedFile() {
  if (map_) munmap(map_, bytes_);
}

void MappedFile::release(uint64_t begin, uint64_t end) const {
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  begin = (begin + page - 1) / page * page, end = end / page * page;
  if (begin < end) madvise(data() + begin, end - begin, MADV_DONTNEED);
}

}  // namespace reel::models
