// Which objects a caption names: words and pairs of words, singular or plural, with their synonyms.
#pragma once

#include <istream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace reel::evaluation {

/// A vocabulary of objects. Source of the procedure: CHAIR, Rohrbach et al., "Object Hallucination in Image Captioning"
/// (1809.02156). Its tools tag parts of speech and look up WordNet; here a word is an object's if it, or what plural
/// rules make of it, is in the vocabulary (docs/eval.md counts how often the two differ).
class ObjectWords {
 public:
  /// `synonyms`: a line an object: its name, then other words for it, separated by ", " as in CHAIR's synonyms.txt.
  /// `name`: of the file, for messages. Throws: std::runtime_error for a word of two objects, an empty name, and more
  /// than a million words.
  ObjectWords(std::istream& synonyms, const std::string& name);

  /// The objects that a caption names, by their names, in order and with repetitions.
  std::vector<std::string> mentions(const std::string& caption) const;

  const std::set<std::string>& objects() const { return objects_; }

 private:
  std::string base_form(const std::string& word) const;
  bool is_known(const std::string& word) const { return object_of_.contains(word) || parts_.contains(word); }

  std::map<std::string, std::string> object_of_;  // word or pair -> object
  std::map<std::string, std::string> pairs_;      // "hot dog" -> what counts instead
  std::set<std::string> parts_;                   // words that pairs are made of
  std::set<std::string> objects_;
};

}  // namespace reel::evaluation
