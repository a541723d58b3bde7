// The program: declares the verbs, parses the command line, runs the chosen one.
#include <malloc.h>

#include <iostream>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/printable_output.h"
#include "app/session/run_guarded.h"
#include "app/session/standard_streams.h"
#include "app/verbs.h"
#include "attention/ops/idle_threads.h"
#include "attention/plugin/spec.h"

namespace reel::app {
namespace {

/// The verb (or verb's verb) that parsing went into last.
const CLI::App* chosen_verb(const CLI::App& app) {
  const CLI::App* verb = &app;
  while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().front();
  return verb;
}

/// As the user types it: `reel graph run`.
std::string command_of(const CLI::App& verb) {
  return verb.get_parent() ? command_of(*verb.get_parent()) + " " + verb.get_name() : "reel";
}

/// What is wrong with the command line, with the nearest spelling for words that are not known.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = chosen_verb(app);
  std::string message = error.what();
  std::vector<std::string> words = verb->remaining(true);
  if (words.empty()) words = app.remaining(true);
  const auto verbs = verb->get_subcommands([](const CLI::App*) { return true; });
  const bool no_verb = !verbs.empty() && dynamic_cast<const CLI::RequiredError*>(&error);
  if (!words.empty() && (no_verb || dynamic_cast<const CLI::ExtrasError*>(&error))) {
    const std::string word = words.front().substr(0, words.front().find('='));
    std::vector<std::string> known;
    for (const CLI::Option* option : verb->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    for (const CLI::App* sub : verbs) known.push_back(sub->get_name());
    const std::string near = nearest_name(word, known);
    message = "'" + word + "' is not known to '" + command_of(*verb) + "'";
    if (!near.empty()) message += "; did you mean '" + near + "'?";
  }
  return message + "\nSee: " + command_of(*verb) + " --help";
}

int run(int argc, char** argv) {
  CLI::App app("Makes videos from text, with attention edits as parts.", "reel");
  app.set_version_flag("--version", std::string("reel ") + REEL_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  Action action;
  add_generate_verb(app, action);
  add_graph_verb(app, action);
  add_eval_verb(app, action);
  add_models_verb(app, action);
  add_list_verbs(app, action);
  add_inspect_verb(app, action);
  add_replay_verb(app, action);
  add_doctor_verb(app, action);
  last_one_wins(app);
  bool json = false;
  for (int i = 1; i < argc; ++i) json |= std::string_view(argv[i]) == "--json";
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << chosen_verb(app)->help();
    return kDone;
  } catch (const CLI::CallForAllHelp&) {
    std::cout << app.help("", CLI::AppFormatMode::All);
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << "\n";
    return kDone;
  } catch (const CLI::ParseError& error) {
    const std::string message = explain(app, error);
    return run_guarded(json, [&]() -> int { throw std::invalid_argument("[command line] " + message); });
  }
  return run_guarded(json, [&] {
    require_working_folder();
    return action();
  });
}

}  // namespace
}  // namespace reel::app

int main(int argc, char** argv) {
#ifdef M_MMAP_THRESHOLD
  // Each layer takes and frees tensors of the same tens of megabytes: kept by the process, they need not be
  // fetched from the kernel, page by page, again and again.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
  reel::attention::let_idle_threads_sleep();
  const reel::app::PrintableOutput printable;  // outlives the look at what stdout took
  return reel::app::finish_output(reel::app::run(argc, argv));
}
