// Which sites, steps, rows and heads an edit applies to, in one text form for graphs, options and reports.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attention/call.h"

namespace reel::attention {

/// Terms separated by spaces or semicolons; a site, step, row or head is selected if every term allows it.
///
///   term                     meaning
///   kind=temporal            spatial, temporal, cross, joint, causal, text, autoencoder or vision; several joined by `+`
///   layer=up_blocks.[123].*  glob over the site's path (* any text, ? one character, [..] one of); several by `+`
///   steps=0-20%              steps with 0 <= index / count < 0.20 (100 % includes all)
///   steps=0-4                steps by number, the last one included
///   heads=0,3-7              heads by number, by `+` or `,`, the last one of a range included
///   rows=cond                cond, uncond or all: the halves of classifier-free guidance
///
/// An absent term selects everything.
struct Selector {
  struct Steps {
    double low = 0, high = 100;
    bool percent = true;
  };
  std::vector<SiteKind> kinds;      // empty: any
  std::vector<std::string> layers;  // globs; empty: any
  std::optional<Steps> steps;
  std::vector<std::pair<int, int>> heads;  // inclusive ranges; empty: all
  std::optional<bool> conditional;         // true: conditional rows only; false: unconditional only

  /// Throws: std::invalid_argument that names the term, what was expected and what came.
  static Selector parse(std::string_view text);

  /// The text form; parse(text()) gives the same selector. Empty for "everything".
  std::string text() const;

  /// This selector with the terms that `finer` has taken from it.
  Selector refined_by(const Selector& finer) const;

  bool matches(const Site& site) const;
  bool matches(const Step& step) const;
  bool matches(const Row& row) const;

  /// The selected heads of a site, ascending; empty when all are selected.
  /// Throws: std::invalid_argument for a head that the site does not have.
  std::vector<int64_t> heads_of(const Site& site) const;
};

}  // namespace reel::attention
