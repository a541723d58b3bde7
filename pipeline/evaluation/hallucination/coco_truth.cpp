#include "pipeline/evaluation/hallucination/coco_truth.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "models/files/input/input_stream.h"
#include "models/files/strict_json.h"

namespace reel::evaluation {
namespace {

/// Takes of each member of the lists `images`, `categories` and `annotations` the few values that count.
class CocoReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  struct Member {
    std::optional<int64_t> id, image, category;
    std::string name, caption;
  };
  using Take = std::function<void(const std::string& list, const Member&)>;

  explicit CocoReader(Take take) : take_(std::move(take)) {}

  std::string fault;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override { return number(int64_t(value)); }
  bool number_float(number_float_t, const std::string&) override { return true; }
  bool string(std::string& value) override {
    if (in_member() && key_ == "name") member_.name = value;
    if (in_member() && key_ == "caption") member_.caption = value;
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool key(std::string& name) override {
    if (depth_ == 1) list_ = name;
    if (in_member()) key_ = name;
    return true;
  }
  bool start_object(size_t) override {
    if (++depth_ == kMemberDepth) member_ = {};
    return shallow();
  }
  bool end_object() override {
    if (depth_-- == kMemberDepth) take_(list_, member_);
    return true;
  }
  bool start_array(size_t) override {
    ++depth_;
    return shallow();
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    fault = error.what();
    return false;
  }

 private:
  static constexpr int kMemberDepth = 3, kDeepest = 32;  // {"annotations": [{...}]}

  bool in_member() const { return depth_ == kMemberDepth; }
  bool shallow() {
    if (depth_ > kDeepest) fault = "lists within lists without end";
    return fault.empty();
  }
  bool number(int64_t value) {
    if (!in_member()) return true;
    if (key_ == "id") member_.id = value;
    if (key_ == "image_id") member_.image = value;
    if (key_ == "category_id") member_.category = value;
    return true;
  }

  Take take_;
  std::string list_, key_;
  Member member_;
  int depth_ = 0;
};

void read_file(const std::string& file, const ObjectWords& words, CocoTruth& truth) {
  std::map<int64_t, std::string> categories;
  std::map<int64_t, std::set<int64_t>> seen;  // category ids: their names may come last in the file
  int64_t annotations = 0;
  CocoReader reader([&](const std::string& list, const CocoReader::Member& member) {
    if (list == "images" && member.id) truth[*member.id];
    if (list == "categories" && member.id) categories[*member.id] = member.name;
    if (list != "annotations" || !member.image) return;
    if (member.category) seen[*member.image].insert(*member.category), ++annotations;
    if (member.caption.empty()) return;
    ++annotations;
    for (const std::string& object : words.mentions(member.caption)) truth[*member.image].insert(object);
  });
  models::InputStream stream({.path = file});
  if (!nlohmann::json::sax_parse(stream, &reader))
    throw std::runtime_error("[" + file + "] is no JSON of COCO: " + models::shown(reader.fault));
  if (annotations == 0)
    throw std::runtime_error("[" + file +
                             "] has no annotations with image_id and category_id or caption; give COCO's "
                             "instances_*.json or captions_*.json");
  for (const auto& [image, ids] : seen) {
    for (const int64_t id : ids) {
      const auto category = categories.find(id);
      if (category == categories.end() || !words.objects().contains(category->second))
        throw std::runtime_error(
            "[" + file + "] has the category '" +
            (category == categories.end() ? std::to_string(id) : models::shown(category->second)) +
            "', which the synonyms do not name; give those of COCO's categories");
      truth[image].insert(category->second);
    }
  }
}

}  // namespace

CocoTruth read_coco_truth(const std::vector<std::string>& files, const ObjectWords& words) {
  CocoTruth truth;
  for (const std::string& file : files) read_file(file, words, truth);
  return truth;
}

int64_t coco_picture_id(const std::string& file_name) {
  const std::string stem = std::filesystem::path(file_name).stem();
  const std::string digits = stem.substr(stem.size() - std::min<size_t>(stem.size(), 12));
  if (digits.size() != 12 || digits.find_first_not_of("0123456789") != std::string::npos)
    throw std::runtime_error(
        "[" + models::shown(file_name) +
        "] must end in the twelve digits of a COCO picture, as in COCO_val2014_000000123456.jpg");
  return std::stoll(digits);
}

}  // namespace reel::evaluation
