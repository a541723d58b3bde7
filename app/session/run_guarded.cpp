#include "app/session/run_guarded.h"

#include <csignal>
#include <filesystem>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "app/session/exit_code.h"
#include "app/session/notes_json.h"
#include "app/session/print_json.h"
#include "pipeline/graph/graph.h"
#include "pipeline/process_memory.h"
#include "pipeline/run/run_context.h"

namespace reel::app {
namespace {

/// "[place] rest" -> {place, rest}.
std::pair<std::string, std::string> split_place(const std::string& message) {
  const size_t end = message.find("] ");
  const size_t begin = message.find('[');
  if (end == std::string::npos || begin == std::string::npos || begin > end || begin > 60)
    return {"", message};
  return {message.substr(begin + 1, end - begin - 1), message.substr(0, begin) + message.substr(end + 2)};
}

/// Where errors of one action go.
class Complaint {
 public:
  Complaint(const Voice& voice, const ListPlace& place) : voice_(voice), place_(place) {}

  int operator()(ExitCode code, const std::string& kind, const std::string& message,
                 const nlohmann::json& details = {}) const {
    const auto [where, rest] = split_place(message);
    const size_t semicolon = rest.rfind("; ");
    nlohmann::json error = {{"kind", kind},
                            {"message", message},
                            {"where", where},
                            {"hint", semicolon == std::string::npos ? "" : rest.substr(semicolon + 2)}};
    if (!details.is_null()) error["problems"] = details;
    if (voice_.json) {
      nlohmann::json document = {{"error", error}};
      add_place(document, place_);
      print_json(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    if (voice_.silent) return code;
    if (voice_.events) {
      error["stage"] = "error";
      print_event(error, place_);
    } else {
      std::cerr << "reel: " << place_.prefix() << message << std::endl;
    }
    return code;
  }

 private:
  Voice voice_;
  ListPlace place_;
};

}  // namespace

int run_guarded(const Voice& voice, const Action& action, const ListPlace& place) {
  const Complaint fail(voice, place);
  signal(SIGXFSZ, SIG_IGN);  // report a full `ulimit -f` instead of being killed by it
  try {
    return action();
  } catch (const pipeline::Cancelled&) {
    return fail(kInterrupted, "interrupted", "interrupted; what was finished is kept");
  } catch (const pipeline::GraphError& error) {
    nlohmann::json problems = nlohmann::json::array();
    for (const pipeline::Problem& p : error.problems()) {
      problems.push_back({{"node", p.node},
                          {"socket", p.socket},
                          {"kind", p.kind},
                          {"expected", p.expected},
                          {"found", p.found},
                          {"hint", p.hint}});
    }
    return fail(kGraphInvalid, "graph", error.what(), problems);
  } catch (const std::invalid_argument& error) {
    return fail(kUsage, "usage", error.what());
  } catch (const pipeline::TooLittleMemory& error) {
    return fail(kEnvironment, "memory", error.what());
  } catch (const c10::Error& error) {
    if (pipeline::is_out_of_memory(error)) {
      return fail(kEnvironment, "memory",
                  std::string("[memory] there is too little: ") + error.what_without_backtrace() +
                      "; use a smaller size, fewer frames or a half dtype");
    }
    return fail(
        kBug, "bug",
        std::string("[bug] this should not happen, please report it: ") + error.what_without_backtrace());
  } catch (const std::filesystem::filesystem_error& error) {  // what nobody said in better words
    return fail(kEnvironment, "environment",
                "[" + error.path1().string() + "] cannot be used: " + error.code().message() +
                    "; check its name and its permissions");
  } catch (const std::bad_alloc&) {
    return fail(kEnvironment, "memory",
                "[memory] the machine is out of memory; use a smaller size, fewer frames or a half dtype");
  } catch (const std::runtime_error& error) {
    return fail(kEnvironment, "environment", error.what());
  } catch (const std::exception& error) {
    return fail(kBug, "bug", std::string("[bug] this should not happen, please report it: ") + error.what());
  }
}

}  // namespace reel::app
