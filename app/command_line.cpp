#include "app/command_line.h"

#include <iostream>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/options/value_option.h"
#include "app/session/run_guarded.h"
#include "app/session/standard_streams.h"
#include "attention/plugin/spec.h"

namespace reel::app {
namespace {

std::vector<CLI::App*> verbs_below(const CLI::App& app) {
  return const_cast<CLI::App&>(app).get_subcommands([](CLI::App*) { return true; });
}

/// Whether a verb that is not `verb` has an option of that name.
bool known_elsewhere(const CLI::App& app, const std::string& name) {
  if (!name.starts_with("-")) return false;
  if (app.get_option_no_throw(name)) return true;
  for (const CLI::App* verb : verbs_below(app)) {
    if (known_elsewhere(*verb, name)) return true;
  }
  return false;
}

/// The first verb, from `app` down, that has an option of that name: as a user types it, or "".
std::string verb_with(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : verbs_below(app)) {
    if (verb->get_option_no_throw(name)) return command_of(*verb);
    if (const std::string below = verb_with(*verb, name); !below.empty()) return below;
  }
  return "";
}

/// What is wrong with words that stand before the verb; "" if none do.
std::string explain_early_words(const CLI::App& app, const CLI::App& verb) {
  for (const CLI::App* step = &verb; step; step = step->get_parent()) {
    const std::vector<std::string> words = step->remaining();
    if (words.empty()) continue;
    const std::string word = words.front().substr(0, words.front().find('='));
    if (step != &verb)
      return "'" + words.front() +
             "' stands before the verb, and its words and options follow it: " + command_of(verb) + " " +
             words.front() + " ...";
    // No verb at all.
    const bool option = word.starts_with("-") && !verbs_below(verb).empty() && known_elsewhere(app, word);
    const std::string other = option ? verb_with(verb, word) : "";
    if (!other.empty()) return "'" + word + "' is an option of verbs, and follows one: " + other + " " + word;
  }
  return "";
}

/// What is wrong with the command line, with the nearest spelling for words that are not known.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = chosen_verb(app);
  std::string message = error.what();
  if (const std::string early = explain_early_words(app, *verb); !early.empty())
    return early + "\nSee: " + command_of(*verb) + " --help";
  std::vector<std::string> words = verb->remaining(true);
  if (words.empty()) words = app.remaining(true);
  const auto verbs = verbs_below(*verb);
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
    if (known_elsewhere(app, word))
      message = "'" + word + "' does not apply to '" + command_of(*verb) +
                "', which has nothing that it could change; "
                "leave it out";
    else if (!near.empty())
      message += "; did you mean '" + near + "'?";
  }
  return message + "\nSee: " + command_of(*verb) + " --help";
}

/// How the chosen verb is to speak, as far as its options are read.
Voice voice_of_words(const CLI::App& verb, int argc, char** argv) {
  const auto last = [&](const char* name) {
    const CLI::Option* option = verb.get_option_no_throw(name);
    return option && option->count() > 0 ? option->results().back() : std::string();
  };
  Voice voice{.json = last("--json") == "true", .events = last("--progress") == "json"};
  for (int i = 1; i < argc; ++i)
    voice.json |= std::string_view(argv[i]) == "--json";  // reading may end before it
  return voice;
}

}  // namespace

const CLI::App* chosen_verb(const CLI::App& app) {
  const CLI::App* verb = &app;
  while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().front();
  return verb;
}

void declare_verbs(CLI::App& app, Action& action) {
  app.require_subcommand(1);
  add_generate_verb(app, action);
  add_caption_verb(app, action);
  add_graph_verb(app, action);
  add_eval_verb(app, action);
  add_models_verb(app, action);
  add_list_verbs(app, action);
  add_inspect_verb(app, action);
  add_replay_verb(app, action);
  add_doctor_verb(app, action);
  last_one_wins(app);
  refuse_empty_texts(app);
}

int run_command_line(int argc, char** argv) {
  CLI::App app("Makes videos from text and captions from pictures, with attention edits as parts.", "reel");
  app.set_version_flag("--version", std::string("reel ") + REEL_VERSION);
  app.get_formatter()->column_width(34);
  Action action;
  declare_verbs(app, action);
  const auto voice = [&] { return voice_of_words(*chosen_verb(app), argc, argv); };
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
    return run_guarded(voice(), [&]() -> int { throw std::invalid_argument("[command line] " + message); });
  } catch (const std::invalid_argument&) {  // a value, or the configuration file
    return run_guarded(voice(),
                       [error = std::current_exception()]() -> int { std::rethrow_exception(error); });
  }
  return run_guarded(voice(), [&] {
    require_working_folder();
    return action();
  });
}

}  // namespace reel::app
