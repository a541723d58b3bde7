// The interface of an attention edit, and how edits are selected by name.
#pragma once

#include <functional>
#include <memory>

#include "attention/call.h"
#include "attention/ops/frame/frame_map_edit.h"
#include "attention/plugin/spec.h"
#include "attention/selector.h"

namespace reel::attention {

/// Which of its functions an edit overrides, and what they need. An edit that has neither `logits` nor
/// `probs` leaves attention fused.
struct Hooks {
  bool inputs = false, logits = false, probs = false, attend = false;
  bool whole_map = false;  // logits or probs must hold all queries and sequences of the call at once
  bool fused = false;      // temporal sites can have the same without a map in memory: see fuse
};

/// The rest of the computation, as an edit that wraps it sees it. Returns [R, G, heads, Nq, d].
using Attend = std::function<at::Tensor(Call&)>;

/// What an edit did, by name, for the run's report ("maps": 12, "bytes": 4096, ...).
using EditFacts = std::map<std::string, double>;

/// Tensors that an edit gathered, and the file that its user asked for. Edits touch no files: who samples
/// writes it.
struct Recording {
  std::string file;
  std::map<std::string, at::Tensor> tensors;
};

/// One instance per run: it may keep state between calls, within the memory budget it states. The processor
/// shows it only the selected sites, steps, rows and heads: R and heads below count the selected ones.
class Edit {
 public:
  virtual ~Edit() = default;
  virtual Hooks hooks() const = 0;
  /// Whether there is anything to do at a selected site or step; where not, attention runs as if it were not
  /// selected.
  virtual bool applies_to(const Site&) const { return true; }
  virtual bool applies_at(const Step&) const { return true; }
  virtual void begin_step(const Step&) {}
  /// May replace positions, bias, q, k, v (same shapes); must not write into the tensors that are there.
  virtual void on_inputs(Call&) {}
  /// logits [R, G, heads, Nq, Nk] f32, in place. Without hooks().whole_map, a block of sequences or queries.
  virtual void on_logits(const Call&, at::Tensor& /*logits*/) {}
  /// probs [R, G, heads, Nq, Nk] f32, in place; rows sum to one before the first edit.
  virtual void on_probs(const Call&, at::Tensor& /*probs*/) {}
  /// For an edit with hooks().fused, instead of on_logits and on_probs: adds to `edit` what it does to the
  /// maps of a call along frames. Edits of logits are asked before edits of probabilities, and `edit` has
  /// what those before it ask for. Must agree with the hooks, which are its definition and serve where other
  /// edits need the map, or sizes are beyond the kernels.
  virtual void fuse(const Call&, FrameMapEdit& /*edit*/) {}
  /// Wraps or replaces the whole computation.
  virtual at::Tensor attend(Call& call, const Attend& next) { return next(call); }
  /// After the last step.
  virtual void finish() {}
  virtual Recording recording() const { return {}; }
  virtual EditFacts facts() const { return {}; }
};

/// One edit of a run: where it applies and how its instance is made. `text` is what the user would type.
struct EditRule {
  std::string text, name;
  Selector where;
  std::function<std::unique_ptr<Edit>()> make;
};
using EditPlan = std::vector<EditRule>;

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
