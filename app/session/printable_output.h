// Keeps control characters of files and graphs away from the terminal, which would obey them.
#pragma once

#include <streambuf>
#include <string>

namespace reel::app {

/// While it lives, std::cout and std::cerr write hidden characters (models::is_hidden: controls, marks of direction, what
/// has no width), but for line ends and tabs, and bytes that are no UTF-8 as \xNN. One mechanism for all messages: no
/// message has to think of it.
class PrintableOutput {
 public:
  PrintableOutput();
  ~PrintableOutput();
  PrintableOutput(const PrintableOutput&) = delete;
  PrintableOutput& operator=(const PrintableOutput&) = delete;

 private:
  class Filter : public std::streambuf {
   public:
    explicit Filter(std::streambuf* target) : target_(target) {}
    ~Filter() override { write_begun(); }
    std::streambuf* target() const { return target_; }

   protected:
    int_type overflow(int_type byte) override;
    std::streamsize xsputn(const char* text, std::streamsize count) override;
    int sync() override;

   private:
    bool put(char byte);
    bool write_begun();

    std::streambuf* target_;
    std::string begun_;  // the first bytes of a character, held back until it is whole
  };

  Filter out_, err_;
};

/// Empties the last line of the terminal on stderr, which holds a progress bar.
void clear_line();

}  // namespace reel::app
