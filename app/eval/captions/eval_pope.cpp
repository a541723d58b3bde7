// `reel eval pope`: yes-or-no questions about objects.
#include "app/eval/captions/eval_pope.h"

#include <cmath>
#include <filesystem>
#include <map>

#include "app/eval/captions/caption_eval_run_json.h"
#include "app/eval/captions/scene_set.h"
#include "app/session/notes.h"
#include "models/files/input/input_stream.h"
#include "models/files/refuse.h"
#include "pipeline/evaluation/hallucination/pope_metrics.h"
#include "pipeline/evaluation/still_scenes/still_questions.h"
#include "pipeline/media/stills/read_picture.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using evaluation::PopeQuestion;

constexpr int64_t kNewTokens = 16;  // "yes" or "no" and what a model puts around it

/// The words of LLaVA's own evaluation: Liu et al., 2023, scripts of LLaVA-1.5.
constexpr const char* kSuffix = "\nAnswer the question using a single word or phrase.";

/// Questions of one kind.
struct PopeSplit {
  std::string key;
  std::vector<PopeQuestion> questions;
};

/// Everything that is asked: each question about a picture once, whatever splits have it.
struct PopePlan {
  struct Place {
    size_t picture;  // of the pictures of all splits, in their order
    std::string text;
  };
  std::vector<PopeSplit> splits;
  std::vector<std::string> pictures;
  std::vector<Place> asked;
  std::vector<std::vector<size_t>> place;  // in `asked`, by split and question

  explicit PopePlan(std::vector<PopeSplit> all) : splits(std::move(all)) {
    std::map<std::string, size_t> known;
    for (const PopeSplit& split : splits) {
      for (const PopeQuestion& question : split.questions) {
        if (known.emplace(question.image, pictures.size()).second) pictures.push_back(question.image);
      }
    }
    // Picture by picture: each is seen once.
    std::vector<std::map<std::string, size_t>> texts(pictures.size());
    for (const PopeSplit& split : splits) {
      for (const PopeQuestion& question : split.questions)
        texts[known[question.image]].emplace(question.text, 0);
    }
    for (size_t p = 0; p < texts.size(); ++p) {
      for (auto& [text, at] : texts[p]) at = asked.size(), asked.push_back({p, text});
    }
    for (const PopeSplit& split : splits) {
      std::vector<size_t>& places = place.emplace_back();
      for (const PopeQuestion& question : split.questions)
        places.push_back(texts[known[question.image]].at(question.text));
    }
  }
};

/// Makes picture i of the plan.
using ReadPicture = std::function<std::function<at::Tensor()>(size_t)>;

int pope_of_model(const CaptionEvalOptions& options, AskedModel& model, const PopePlan& plan,
                  const ReadPicture& read, const std::string& title, Json facts, const std::string& suffix) {
  EvalLines lines(options);
  const auto replies = ask_all(
      model, options, plan.asked.size(),
      [&](size_t i) {
        return Asked{read(plan.asked[i].picture), plan.asked[i].text + suffix};
      },
      /*margins=*/true);
  std::vector<VariantMetrics> variants;
  for (size_t v = 0; v < replies.size(); ++v) {
    const std::vector<std::string>& edits = model.variants()[v];
    VariantMetrics& variant = variants.emplace_back(VariantMetrics{edits, {}});
    for (size_t s = 0; s < plan.splits.size(); ++s) {
      std::vector<evaluation::AnsweredQuestion> answers;
      for (size_t q = 0; q < plan.place[s].size(); ++q) {
        const PopeQuestion& question = plan.splits[s].questions[q];
        const size_t at = plan.place[s][q];
        const Reply& reply = replies[v][at];
        answers.push_back(
            {plan.asked[at].picture, question.yes, evaluation::says_yes(reply.text), reply.margin});
        lines.add({{"question_id", question.id},
                   {"split", plan.splits[s].key},
                   {"image", question.image},
                   {"question", question.text},
                   {"label", question.yes ? "yes" : "no"},
                   {"answer", reply.text},
                   {"margin", std::isfinite(reply.margin) ? Json(reply.margin) : nullptr},
                   {"edits", edits}});
      }
      variant.groups.push_back({plan.splits[s].key, plan.splits[s].key, plan.pictures.size(),
                                evaluation::pope_metrics(answers, plan.pictures.size())});
    }
  }
  lines.commit();
  if (std::ranges::any_of(replies.front(), [](const Reply& reply) { return !std::isfinite(reply.margin); }))
    note(options.common,
         "there is no AUC: " + model.name() + " has no single tokens for yes and no, or searches with beams");
  facts["suffix"] = suffix;
  facts["model"] = Json::parse(model.describe());
  return tell_metrics(options, model.name() + ": " + title, facts, variants);
}

/// A split as a file of POPE has it.
std::string pope_lines(const PopeSplit& split) {
  std::string text;
  for (const PopeQuestion& question : split.questions) {
    text += Json{{"question_id", question.id},
                 {"image", question.image},
                 {"text", question.text},
                 {"label", question.yes ? "yes" : "no"}}
                .dump() +
            "\n";
  }
  return text;
}

int pope_on_scenes(const CaptionEvalOptions& options) {
  AskedModel model(options, kNewTokens);
  const SceneSet set(options);
  world::Dice dice(*options.common.seed);
  const auto questions = world::still_questions(set.still(), set.scenes(), dice);
  std::vector<PopeSplit> splits;
  std::map<std::string, size_t> scene_of;
  for (size_t s = 0; s < set.scenes().size(); ++s) scene_of[set.name(s)] = s;
  set.save();
  for (size_t k = 0; k < questions.size(); ++k) {
    PopeSplit& split = splits.emplace_back(PopeSplit{world::name_of(world::kQuestionSplits[k]), {}});
    for (const world::StillQuestion& question : questions[k])
      split.questions.push_back({.id = int64_t(split.questions.size() + 1),
                                 .image = set.name(question.scene),
                                 .text = world::question_text(set.still(), question.object),
                                 .yes = question.yes});
    set.save_text("pope_" + split.key + ".json", pope_lines(split));
  }
  const PopePlan plan(std::move(splits));
  const auto read = [&](size_t p) -> std::function<at::Tensor()> {
    return [&set, scene = scene_of.at(plan.pictures[p])] { return set.picture(scene); };
  };
  Json facts = {{"source", "model"},
                {"world", options.world},
                {"scenes", plan.pictures.size()},
                {"broken", options.broken},
                {"seed", *options.common.seed}};
  const std::string title =
      std::to_string(plan.pictures.size()) + (options.broken ? " scenes without partners" : " scenes");
  return pope_of_model(options, model, plan, read, title, std::move(facts), options.suffix.value_or(""));
}

int pope_on_published(const CaptionEvalOptions& options) {
  AskedModel model(options, kNewTokens);
  std::vector<PopeSplit> splits;
  for (const std::string& path : options.data) {
    models::InputStream file({.path = path});
    std::string key = fs::path(path).stem().string();
    for (const PopeSplit& other : splits) {
      if (other.key == key)
        throw std::invalid_argument("[--data] names two files that are called '" + key +
                                    "'; rename one, so that their numbers can be told apart");
    }
    splits.push_back({std::move(key), evaluation::read_pope(file, path)});
  }
  const PopePlan plan(std::move(splits));
  std::vector<std::string> absent;
  for (const std::string& name : plan.pictures) {
    if (!fs::is_regular_file(fs::path(options.images) / name)) absent.push_back(name);
  }
  if (!absent.empty())
    throw std::runtime_error("[" + options.images + "] lacks " + std::to_string(absent.size()) + " of " +
                             std::to_string(plan.pictures.size()) + " pictures that are asked about (" +
                             models::few_of(absent) + "); give the folder that has them");
  const auto read = [&](size_t p) -> std::function<at::Tensor()> {
    return
        [path = (fs::path(options.images) / plan.pictures[p]).string()] { return media::read_picture(path); };
  };
  Json facts = {{"source", "model"}, {"data", options.data}, {"pictures", plan.pictures.size()}};
  return pope_of_model(options, model, plan, read, std::to_string(plan.pictures.size()) + " pictures",
                       std::move(facts), options.suffix.value_or(kSuffix));
}

}  // namespace

int evaluate_pope(const CaptionEvalOptions& options) {
  return options.published() ? pope_on_published(options) : pope_on_scenes(options);
}

}  // namespace reel::app
