// Keeps control characters of files and graphs away from the terminal, which would obey them.
#pragma once

#include <streambuf>

namespace reel::app {

/// While it lives, std::cout and std::cerr write control characters (C0 but for line ends and tabs, DEL, and C1 in
/// UTF-8) as \xNN. One mechanism for all messages: no message has to think of it.
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
    std::streambuf* target() const { return target_; }

   protected:
    int_type overflow(int_type byte) override;
    std::streamsize xsputn(const char* text, std::streamsize count) override;
    int sync() override;

   private:
    bool put(unsigned char byte);
    bool escape(unsigned char byte);

    std::streambuf* target_;
    bool after_c2_ = false;  // the first byte of a C1 control character may have been the last one
  };

  Filter out_, err_;
};

/// Empties the last line of the terminal on stderr, which holds a progress bar.
void clear_line();

}  // namespace reel::app
