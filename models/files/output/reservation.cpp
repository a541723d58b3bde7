#include "models/files/output/reservation.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <stdexcept>

#include "models/files/output/part_support.h"
#include "models/files/part_file.h"

namespace reel::models {

Reservation::Reservation(const std::function<std::string(int)>& name, int most, const Belongs& belongs) {
  namespace fs = std::filesystem;
  const std::string folder = folder_of(name(1));
  const FolderLock lock(name(1), folder);
  const std::set<std::string> taken = tidy_parts(folder, belongs);
  for (int i = 1; i <= most && path_.empty(); ++i) {
    std::error_code ignored;
    const std::string path = name(i);
    if (!fs::exists(fs::symlink_status(path, ignored)) && !taken.count(fs::path(path).filename().string()))
      path_ = path;
  }
  if (path_.empty())
    throw std::runtime_error("[" + name(1) + "] and all further numbers are taken; choose another name");
  part_ = (fs::path(folder) / part_name(fs::path(path_).filename().string())).string();
  file_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ >= 0) hold_part(file_);  // else whoever writes there says what is wrong with the folder
}

Reservation::~Reservation() {
  if (file_ < 0) return;
  unlink(part_.c_str());
  close(file_);
}

}  // namespace reel::models
