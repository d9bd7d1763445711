#include "clb/pretrain/evaluate.hpp"

#include <ATen/Parallel.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>

#include "captioned.hpp"
#include "clip_network.hpp"

namespace clb::pretrain {
namespace {

using torch::Tensor;

constexpr uint64_t kEvaluationStream = 9;
constexpr int64_t kGroup = 100;

struct PairOfNames {
  int colour, figure;
};

std::vector<PairOfNames> pairs(bool held_out) {
  std::vector<PairOfNames> list;
  for (int colour = 0; colour < formula::kThingColours; ++colour)
    for (int figure = 0; figure < formula::kThingFigures; ++figure)
      if (formula::held_out(colour, figure) == held_out) list.push_back({colour, figure});
  return list;
}

// Features of what is added, a few hundred images at a time.
class Features {
 public:
  explicit Features(const nn::ClipImage& tower) : tower_(tower) {}
  void add(const formula::Image& image) {
    waiting_.push_back(
        torch::from_blob(const_cast<uint8_t*>(image.pixels.data()), {3, formula::kSide, formula::kSide}, torch::kUInt8).clone());
    if (waiting_.size() == 256) flush();
  }
  Tensor take() {  // [n, features]
    flush();
    const Tensor all = at::cat(done_);
    done_.clear();
    return all;
  }

 private:
  void flush() {
    if (waiting_.empty()) return;
    done_.push_back(image_features(tower_, at::stack(waiting_).to(torch::kFloat32).div_(127.5).sub_(1), {}));
    waiting_.clear();
  }
  const nn::ClipImage& tower_;
  std::vector<Tensor> waiting_, done_;
};

class Evaluation {
 public:
  Evaluation(const Recipe& recipe, const nn::Clip& clip)
      : recipe_(recipe), clip_(clip), tokens_(tokens_of(*recipe.text)), images_(recipe), painter_({}), features_(clip_.image) {
    if (clip_.text.vocabulary() != tokens_.size())
      throw base::Error("the weights know " + std::to_string(clip_.text.vocabulary()) + " tokens, but the recipe's vocabulary has " +
                        std::to_string(tokens_.size()) + "; give the recipe that they were trained with");
  }

  ClipReport::Names names(bool held_out, int64_t images) {
    const std::vector<PairOfNames> kind = pairs(held_out), others = pairs(!held_out);
    std::vector<int64_t> labels;
    for (size_t c = 0; c < kind.size(); ++c) {
      for (int64_t k = 0; k < images; ++k) {
        features_.add(drawn(kind[c], k));
        labels.push_back(static_cast<int64_t>(c));
      }
    }
    const Tensor found = features_.take(), wanted = torch::tensor(labels);
    const Tensor among_kind = at::mm(found, names_of(kind).t()), elsewhere = at::mm(found, names_of(others).t());
    const auto right = [&](const Tensor& scores) { return (scores.argmax(1) == wanted).to(torch::kFloat64).mean().item<double>(); };
    return {right(among_kind), right(at::cat({among_kind, elsewhere}, 1)), static_cast<int64_t>(labels.size())};
  }

  // Of images that lie behind those of the training.
  void retrieve(int64_t groups, ClipReport& report) {
    const int64_t first = recipe_.updates() * recipe_.training.batch_size;
    formula::Image image;
    for (int64_t g = 0; g < groups; ++g) {
      std::vector<std::string> sentences;
      for (int64_t k = 0; k < kGroup; ++k) {
        sentences.push_back(formula::full_sentence(images_.draw(first + g * kGroup + k, image)));
        features_.add(image);
      }
      const Tensor scores = at::mm(features_.take(), text(sentences).t()), own = torch::arange(kGroup);
      report.image_to_text += (scores.argmax(1) == own).to(torch::kFloat64).mean().item<double>() / static_cast<double>(groups);
      report.text_to_image += (scores.argmax(0) == own).to(torch::kFloat64).mean().item<double>() / static_cast<double>(groups);
    }
    report.retrieved = groups * kGroup;
  }

 private:
  formula::Image drawn(const PairOfNames& pair, int64_t k) const {
    const auto stream = kEvaluationStream << 32 | static_cast<uint64_t>(pair.colour) << 8 | static_cast<uint64_t>(pair.figure);
    formula::Random random(static_cast<uint64_t>(recipe_.seed), stream, static_cast<uint64_t>(k));
    formula::Image image;
    painter_.draw({.figure = pair.figure, .colour = pair.colour, .ground = random.below(formula::kPlainGrounds)}, random, image);
    return image;
  }

  Tensor text(const std::vector<std::string>& sentences) const {
    std::vector<Tensor> rows;
    for (const std::string& sentence : sentences) rows.push_back(torch::tensor(tokens_.row(sentence, clip_.text.context())));
    return text_features(clip_.text, at::stack(rows));
  }

  // The mean over the templates of each name, of length 1: [n, features].
  Tensor names_of(const std::vector<PairOfNames>& list) const {
    std::vector<Tensor> rows;
    for (const PairOfNames& pair : list) {
      const std::string name = formula::thing_colour_name(pair.colour) + std::string(" ") + formula::figure_name(pair.figure);
      std::vector<std::string> sentences;
      for (std::string sentence : formula::name_templates()) sentences.push_back(sentence.replace(sentence.find("{}"), 2, name));
      rows.push_back(text(sentences).mean(0));
    }
    return at::stack(rows) / at::stack(rows).norm(2, 1, true);
  }

  const Recipe& recipe_;
  nn::Clip clip_;
  text::ClipTokens tokens_;
  CaptionedImages images_;
  formula::ThingPainter painter_;
  Features features_;
};

}  // namespace

ClipReport evaluate(const Recipe& recipe, const std::filesystem::path& weights, const EvaluateOptions& options) {
  if (!recipe.text) throw base::Error("the recipe has no table [network.text]: it trains no text tower that could be asked");
  at::set_num_threads(options.threads);
  const torch::NoGradGuard no_grad;
  const base::MappedFile file(weights);
  const base::Json said{
      {"heads", recipe.network.heads}, {"text_heads", recipe.text->heads}, {"image_size", formula::kSide}, {"pos_antialias", true}};
  const nn::Clip clip = nn::read_clip(file.bytes(), base::canonical(said), weights.string()).to(torch::kCPU, torch::kFloat32);
  Evaluation evaluation(recipe, clip);
  ClipReport report;
  report.seen = evaluation.names(false, options.images);
  if (!options.seen_only) report.unseen = evaluation.names(true, options.images);
  evaluation.retrieve(options.groups, report);
  return report;
}

}  // namespace clb::pretrain
