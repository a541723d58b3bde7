// How edits are declared and selected by name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "attention/edit.h"
#include "attention/plugin/spec.h"

namespace reel::attention {

/// An edit as its plug-in declares it.
struct EditEntry {
  Spec spec;
  std::string where;       // default selector, in text form: what the user's selector refines
  bool has_steps = false;  // its option `steps` is a term of the selector; `auto` leaves it to applies_at
  std::string node_name;   // class name of the graph node, e.g. BroadWay
  std::function<std::unique_ptr<Edit>(const ParamValues&)> make;
};

/// An edit as the user typed it, taken apart and checked.
struct ParsedEdit {
  const EditEntry* entry;
  ParamValues options;   // all of them, defaults included
  std::string selector;  // the user's own terms
};

/// Edits by name. `registry.add<Scale>("scale", "Scale", summary, source).param(...)` declares one; the class
/// has a nested struct Options, whose initialisers are the defaults, and a constructor from it.
class EditRegistry : public Registry<EditEntry> {
 public:
  template <class E>
  class Declaration {
   public:
    using Options = typename E::Options;
    Declaration(EditRegistry& registry, EditEntry& entry) : registry_(registry), entry_(entry) {}
    template <class T>
    Declaration& param(std::string name, T Options::*member, std::string help,
                       std::optional<Range> range = {}, std::vector<std::string> choices = {}) {
      OptionBinder<Options>(entry_.spec, *setters_)
          .bind(std::move(name), member, std::move(help), range, std::move(choices));
      entry_.make = [setters = setters_](const ParamValues& values) {
        Options options;
        for (const auto& set : *setters) set(options, values);
        return std::make_unique<E>(options);
      };
      return *this;
    }
    Declaration& preset(std::string name, ParamValues values) {
      entry_.spec.presets[std::move(name)] = std::move(values);
      return *this;
    }
    /// A name for a special number: `sigma1=off` for 0.
    Declaration& word(const std::string& param, const std::string& name, double value) {
      for (Param& known : entry_.spec.params) {
        if (known.name == param) known.words[name] = value;
      }
      return *this;
    }
    /// Says that an option names a file that is written: it is confined where somebody else chose it.
    Declaration& writes(const std::string& param) {
      for (Param& known : entry_.spec.params) known.writes |= known.name == param;
      return *this;
    }
    /// An option `steps`, in the selector's terms (0-20%, 2-24), which an edit declares whose authors say
    /// when it acts. A steps= term of the user's selector wins over it.
    Declaration& steps(std::string Options::*member) {
      entry_.has_steps = true;
      return param("steps", member, "denoising steps in which it acts, as 0-20% or 0-4");
    }
    /// The selector that holds when the user gives none.
    Declaration& where(std::string selector) {
      entry_.where = std::move(selector);
      return *this;
    }
    Declaration& alias(std::string other_name) {
      registry_.alias(std::move(other_name), entry_.spec.name);
      return *this;
    }

   private:
    EditRegistry& registry_;
    EditEntry& entry_;
    std::shared_ptr<std::vector<typename OptionBinder<Options>::Setter>> setters_ =
        std::make_shared<std::vector<typename OptionBinder<Options>::Setter>>();
  };

  template <class E>
  Declaration<E> add(std::string name, std::string node_name, std::string summary, std::string source) {
    EditEntry& entry =
        Registry<EditEntry>::add(EditEntry{{name, summary, source}, "", false, std::move(node_name), {}});
    entry.make = [](const ParamValues&) { return std::make_unique<E>(typename E::Options{}); };
    return Declaration<E>(*this, entry);
  }

  /// Reads `NAME[:option=value,...][@selector]`.
  /// Throws: std::invalid_argument with the nearest known name, option or term.
  EditRule parse(std::string_view text) const;

  /// The same, without making a rule of it.
  ParsedEdit split(std::string_view text) const;

  /// The rule for an edit whose options and selector are already apart, as in a graph.
  EditRule rule(const std::string& name, const ParamValues& options, const std::string& selector) const;
};

/// Fills `registry` with every edit in attention/edits/ (generated).
void register_edits(EditRegistry& registry);

}  // namespace reel::attention
