// Files that are read: regular ones, without waiting, and never more than their kind may have.
#include "models/files/input/input_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/files/input/input_stream.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::input_file_test {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

template <class Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(InputFileTest, OnlyRegularFilesAreRead) {
  const TemporaryFolder folder;
  write_file(folder / "a", "text");
  EXPECT_EQ(read_input({folder / "a"}), "text");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(symlink("/dev/zero", (folder / "zero").c_str()), 0);
  ASSERT_EQ(symlink("a", (folder / "link").c_str()), 0);
  ASSERT_EQ(symlink("nothing", (folder / "broken").c_str()), 0);
  EXPECT_EQ(read_input({folder / "link"}), "text");
  const auto refused = [&](const std::string& path, const std::string& fact) {
    EXPECT_THAT(error_of([&] { read_input({path}); }), AllOf(StartsWith("[" + path + "] "), HasSubstr(fact)));
    EXPECT_THAT(error_of([&] { check_input({path}); }), HasSubstr(fact));
    EXPECT_THAT(error_of([&] { ::close(open_input({path})); }), HasSubstr(fact));
  };
  refused(folder / "pipe", "must be a regular file, got a pipe; write its content to a file first");
  refused(folder / "zero", "must be a regular file, got a device");
  refused(folder.path(), "must be a regular file, got a folder; name a file in it");
  refused(folder / "broken", "does not exist; check its name");
  refused(folder / "absent", "does not exist; check its name");
  refused(folder / "a/below", "does not exist");
  EXPECT_THAT(error_of([&] { check_input({.path = folder / "pipe", .option = "--lora"}); }),
              StartsWith("[--lora] '" + folder / "pipe" + "' must be"));
}

TEST(InputFileTest, WhatIsPresentIsOneOrIsNamed) {
  const TemporaryFolder folder;
  write_file(folder / "a", "");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(symlink("nothing", (folder / "broken").c_str()), 0);
  EXPECT_TRUE(has_input(folder / "a"));
  EXPECT_FALSE(has_input(folder / "absent"));
  EXPECT_FALSE(has_input(folder / "a/below"));
  EXPECT_THAT(error_of([&] { has_input(folder / "pipe"); }), HasSubstr("got a pipe"));
  EXPECT_THAT(error_of([&] { has_input(folder / "broken"); }), HasSubstr("does not exist"));
}

TEST(InputFileTest, SizesAreBounded) {
  const TemporaryFolder folder;
  write_file(folder / "a", std::string(100, 'a'));
  EXPECT_EQ(read_input({.path = folder / "a", .most_bytes = 100}).size(), 100u);
  EXPECT_THAT(error_of([&] { read_input({.path = folder / "a", .most_bytes = 99}); }),
              HasSubstr("has more than 99 bytes"));
  // A file that claims no size and has some: those of the system do.
  EXPECT_THAT(error_of([&] { read_input({.path = "/proc/self/maps", .most_bytes = 99}); }),
              HasSubstr("gives more than 99 bytes"));
}

TEST(InputStreamTest, LinesAreBoundedAndComeOneByOne) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::string(size_t(i % 10), 'x') + "\n";
  write_file(folder / "a", text + "end");
  InputStream stream({.path = folder / "a"}, {.line_bytes = 9});
  int lines = 0;
  std::string line, last;
  for (; std::getline(stream, line); ++lines) last = line;
  EXPECT_EQ(lines, 20'001);
  EXPECT_EQ(last, "end");
  EXPECT_THAT(error_of([&] {
                InputStream narrow({.path = folder / "a"}, {.line_bytes = 8});
                while (std::getline(narrow, line)) {
                }
              }),
              HasSubstr("has a line of more than 8 bytes"));
  EXPECT_THAT(error_of([&] { InputStream({.path = folder / "a"}, {.lines = 19'999}).rest(); }),
              HasSubstr("has more than 19999 lines"));
  EXPECT_EQ(InputStream({.path = folder / "a"}, {.lines = 20'000}).rest(), text + "end");
}

TEST(InputStreamTest, WhatTheShellOpenedIsReadWithinItsBound) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "text", 4), 4);
  ::close(ends[1]);
  const std::string name = "/dev/fd/" + std::to_string(ends[0]);
  EXPECT_THAT(error_of([&] { read_input({name}); }), HasSubstr("got a pipe"));
  EXPECT_EQ(InputStream({name}, {.streams = true}).rest(), "text");
  ::close(ends[0]);
  EXPECT_THAT(error_of([&] { InputStream({name}, {.streams = true}); }), HasSubstr("cannot be read"));

  const int zero = open("/dev/zero", O_RDONLY);
  EXPECT_THAT(error_of([&] {
                InputStream({.path = "/dev/fd/" + std::to_string(zero), .most_bytes = 1 << 20},
                            {.line_bytes = 1 << 30, .streams = true})
                    .rest();
              }),
              HasSubstr("gives more than 1 MiB"));
  EXPECT_THAT(error_of([&] {
                InputStream stream({"/dev/fd/" + std::to_string(zero)}, {.streams = true});
                std::string line;
                std::getline(stream, line);
              }),
              HasSubstr("has a line of more than 1 MiB"));
  ::close(zero);
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { InputStream({folder / "pipe"}, {.streams = true}); }), HasSubstr("got a pipe"));
}

}  // namespace reel::models::input_file_test
