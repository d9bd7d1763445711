// Run specs, recipes and descriptions: strict decoding and the keys.
#include <gtest/gtest.h>

#include <clb/base/describe.hpp>
#include <clb/base/error.hpp>
#include <clb/base/precision.hpp>
#include <clb/base/run_spec.hpp>
#include <functional>
#include <set>

#include "damage.hpp"
#include "errors.hpp"
#include "neutral.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;

RunSpec good_spec() {
  RunSpec spec;
  spec.experiment = "small";
  spec.method = {"l2p", "/p/l2p.so", "small", {{"top_k", 5}, {"lr", 0.1}, {"feature", "cls"}, {"steps", {1, 2}}}, 3, {}};
  spec.method.train_transform.random_resized_crop = 224;
  spec.dataset = {"toy", "/p/toy.so", "/d", "f00d", "images", 4, 0, 10, 5, Json::object(), {}};
  spec.weights.push_back({"main", "/w.safetensors", "abc", {}, true, 3});
  spec.protocol.split = "B0-Inc2";
  spec.protocol.order = "numpy(7)";
  spec.protocol.order_seed = 7;
  spec.protocol.class_order = {2, 0, 3, 1};
  spec.protocol.task_sizes = {2, 2};
  spec.protocol.eval_transform.resize = 224;
  spec.threads = 2;
  return spec;
}

// The sentence of a spec whose JSON was changed.
std::string refusal(const std::function<void(Json&)>& change) {
  Json json = good_spec().to_json();
  change(json);
  return error_of<Error>([&] { RunSpec::from_json(json, "run.json"); });
}

// Calls visit(pointer) for every member of every object below `json`.
void each_member(const Json& json, const Json::json_pointer& at, const std::function<void(const Json::json_pointer&)>& visit) {
  if (!json.is_object()) return;
  for (const auto& [name, value] : json.items()) {
    visit(at / name);
    each_member(value, at / name, visit);
  }
}

bool free_form(const Json::json_pointer& at) { return at.to_string().starts_with("/method/params/"); }

TEST(RunSpec, RoundTrip) {
  const Json json = good_spec().to_json();
  EXPECT_EQ(RunSpec::from_json(json, "run.json").to_json(), json);
  EXPECT_EQ(RunSpec::from_json(parse_json(canonical(json), "x"), "x").key(), good_spec().key());
}

TEST(RunSpec, EveryMissingMemberIsNamed) {
  const Json json = good_spec().to_json();
  each_member(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (free_form(at)) return;
    Json less = json;
    less.at(at.parent_pointer()).erase(at.back());
    const std::string text = error_of<Error>([&] { RunSpec::from_json(less, "run.json"); });
    EXPECT_TRUE(text.starts_with("run.json: ") && contains(text, at.back() + " is missing")) << at.to_string() << ": " << text;
  });
}

TEST(RunSpec, EveryMemberOfAnotherTypeIsNamed) {
  const Json json = good_spec().to_json();
  each_member(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (free_form(at)) return;
    Json wrong = json;
    wrong[at] = json.at(at).is_boolean() ? Json("true") : Json(true);
    const std::string text = error_of<Error>([&] { RunSpec::from_json(wrong, "run.json"); });
    EXPECT_TRUE(contains(text, at.back())) << at.to_string() << ": " << text;
  });
}

TEST(RunSpec, EveryUnknownMemberIsNamed) {
  const Json json = good_spec().to_json();
  each_member(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (!json.at(at).is_object() || at.back() == "params") return;
    Json more = json;
    more[at]["surplus"] = 1;
    EXPECT_TRUE(contains(error_of<Error>([&] { RunSpec::from_json(more, "run.json"); }), "surplus is unknown")) << at.to_string();
  });
}

TEST(RunSpec, RangesAreChecked) {
  const auto refused = [](const char* pointer, const Json& value, const std::string& part) {
    const std::string text = refusal([&](Json& json) { json[Json::json_pointer(pointer)] = value; });
    EXPECT_TRUE(contains(text, part)) << pointer << ": " << text;
  };
  refused("/version", 1000, "is 1000, of a newer clbench");
  refused("/version", -1, "version");
  refused("/seed", -1, "seed");
  refused("/seed", 1.5, "must be an integer");
  refused("/seed", uint64_t{1} << 63, "seed");
  refused("/precision", "fp16", "fp32, tf32, bf16");
  refused("/device", "cuda:", "cuda:N");
  refused("/device", "cuda:x", "cuda:N");
  refused("/protocol/class_order", {2, 0, 3, 3}, "3 twice");
  refused("/protocol/class_order", {2, 0, 3, 4}, "0 to 3");
  refused("/protocol/class_order", {2, 0, 3, -1}, "class_order[3]");
  refused("/protocol/task_sizes", {2, 3}, "add up");
  refused("/protocol/task_sizes", {2}, "add up");
  refused("/protocol/task_sizes", Json::array(), "must not be empty");
  refused("/protocol/task_sizes", {INT64_MAX, INT64_MAX}, "task of");
  refused("/protocol/stop_after", 3, "number of tasks, 2");
  refused("/protocol/eval_transform/flip", 0.5, "random step");
  refused("/protocol/eval_transform/std", {1, 0, 1}, "positive");
  refused("/protocol/eval_transform/mean", {1, 0}, "3 numbers");
  refused("/method/train_transform/jitter", {0.4, 0.4, 0.4, 0.1}, "hue");
  refused("/method/train_transform/scale", {0.9, 0.1}, "scale");
  refused("/method/train_transform/name", 5, "method.train_transform: member name");
  refused("/method/capabilities", -1, "unsigned");
  refused("/weights/0/random/patch", 5, "weights[0].random.patch");
  refused("/weights/0", 5, "weights[0] must be a JSON object");
  refused("/dataset/class_count", 0, "class_count");
  refused("/dataset/modality", "sound", "images, features");
  refused("/dataset/feature_dim", 64, "0 for images");
}

TEST(RunSpec, DomainTasksCarryTheSameClasses) {
  RunSpec spec = good_spec();
  spec.protocol.kind = "domain";
  spec.protocol.task_sizes = {4, 4, 4};
  spec.protocol.domain_order = {2, 0, 1};
  EXPECT_NO_THROW(RunSpec::from_json(spec.to_json(), "x"));
  const auto refused = [&](const char* member, const Json& value) {
    Json json = spec.to_json();
    json["protocol"][member] = value;
    return error_of<Error>([&] { RunSpec::from_json(json, "x"); });
  };
  EXPECT_TRUE(contains(refused("domain_order", {0, 1}), "one domain for each task"));
  EXPECT_TRUE(contains(refused("domain_order", {0, 1, 1}), "distinct domains, found 1"));
  EXPECT_TRUE(contains(refused("task_sizes", {4, 4, 3}), "all classes"));
  EXPECT_TRUE(contains(refused("eval_on", "some"), "eval_on"));
  EXPECT_TRUE(contains(refusal([](Json& json) { json["protocol"]["domain_order"] = {0}; }), "must be empty"));
  EXPECT_TRUE(contains(refusal([](Json& json) { json["protocol"]["eval_on"] = "all"; }), "must be \"seen\""));
}

TEST(RunSpec, TruncatedOrFlippedTextParsesOrIsAnError) {
  const std::string text = canonical(good_spec().to_json());
  const auto decode = [](const std::string& bytes) { RunSpec::from_json(parse_json(bytes, "run.json"), "run.json"); };
  testing::for_each_truncation(text, [&](const std::string& bytes, size_t) { EXPECT_THROW(decode(bytes), Error); });
  testing::for_each_bit_flip(text, 0, text.size(), [&](const std::string& bytes, size_t at, int) {
    try {
      decode(bytes);
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("run.json: ")) << at;
    }
  });
}

TEST(RunSpec, KeyIgnoresPlacesAndExecution) {
  RunSpec other = good_spec();
  other.experiment = "another";
  other.method.file = other.dataset.file = other.dataset.root = other.weights[0].file = "/elsewhere";
  other.method.preset = "x";
  other.execution.loader_threads = 9;
  other.execution.keep_logits = true;
  other.execution.second_look = true;
  other.execution.cache_dir = "/c";
  other.checkpoint = "off";
  EXPECT_EQ(other.key(), good_spec().key());
}

TEST(RunSpec, KeySeesWhatIsComputed) {
  const std::string key = good_spec().key();
  const auto changes = [&](const std::function<void(RunSpec&)>& change) {
    RunSpec spec = good_spec();
    change(spec);
    return spec.key() != key;
  };
  EXPECT_TRUE(changes([](RunSpec& s) { s.seed = 1; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.method.params["top_k"] = 6; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.method.train_transform.flip = 0.5; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.dataset.fingerprint = "f00e"; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.dataset.train_per_class = 11; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.weights[0].sha256 = "abd"; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.weights[0].pos_antialias = false; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.protocol.class_order = {0, 1, 2, 3}; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.protocol.stop_after = 1; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.precision = "bf16"; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.precision = "bf16_weights"; }));
  EXPECT_TRUE(changes([](RunSpec& s) { s.threads = 3; }));
}

TEST(Precision, TheFormOfBfloat16IsTheProcessors) {
  EXPECT_EQ(bf16_form("AuthenticAMD", "avx2 avx512f avx512_bf16"), "bf16") << "Zen 4";
  EXPECT_EQ(bf16_form("GenuineIntel", "avx2 avx512f avx512_bf16 amx_bf16"), "bf16");
  EXPECT_EQ(bf16_form("GenuineIntel", "avx2 avx512f avx512_bf16"), "bf16_weights");
  EXPECT_EQ(bf16_form("AuthenticAMD", "avx2 fma"), "bf16_weights");
  EXPECT_EQ(bf16_form("", ""), "bf16_weights");
}

TEST(RunSpec, SeedsAndMethodsShareATableProtocolsDoNot) {
  const auto comparable = [](const std::function<void(RunSpec&)>& change) {
    RunSpec spec = good_spec();
    change(spec);
    return spec.comparability_json() == good_spec().comparability_json();
  };
  EXPECT_TRUE(comparable([](RunSpec& s) {
    s.seed = 1;
    s.protocol.order = "numpy(8)";
    s.protocol.order_seed = 8;
    s.protocol.class_order = {0, 1, 2, 3};
    s.method.id = "ease";
    s.method.params = Json::object();
    s.precision = "bf16";
  }));
  EXPECT_TRUE(comparable([](RunSpec& s) { s.protocol.stop_after = 2; })) << "all of the tasks";
  EXPECT_TRUE(comparable([](RunSpec& s) { s.protocol.joint = true; })) << "the upper bound shares the table it bounds";
  EXPECT_FALSE(comparable([](RunSpec& s) { s.protocol.stop_after = 1; }));
  EXPECT_TRUE(comparable([](RunSpec& s) { s.protocol.order = "pilot"; })) << "a name for numpy(1993)";
  EXPECT_FALSE(comparable([](RunSpec& s) { s.protocol.order = "python(7)"; }));
  EXPECT_FALSE(comparable([](RunSpec& s) { s.protocol.eval_transform.resize = 112; }));
  EXPECT_FALSE(comparable([](RunSpec& s) { s.protocol.evaluate_on = "validation"; }));
  EXPECT_FALSE(comparable([](RunSpec& s) { s.protocol.test_batches = "class_sorted"; }));
  EXPECT_FALSE(comparable([](RunSpec& s) { s.dataset.test_per_class = 6; }));
  EXPECT_FALSE(comparable([](RunSpec& s) { s.weights[0].sha256 = "abd"; }));
}

// What the first version of the store was filled with: the members that came with domains and feature vectors are not there, and the number
// is that of today.
Json first_shape(RunSpec spec) {
  Json json = spec.to_json();
  for (const char* later : {"domain_order", "eval_on"}) json["protocol"].erase(later);
  for (const char* later : {"modality", "feature_dim"}) json["dataset"].erase(later);
  return json;
}

TEST(RunSpec, TheFirstShapeIsLiftedAndKeepsItsKey) {
  RunSpec today = good_spec();
  today.protocol.order = "pilot";
  const Json stored = first_shape(today);
  const RunSpec lifted = RunSpec::from_json(stored, "x");
  EXPECT_EQ(lifted.dataset.modality, "images");
  EXPECT_EQ(lifted.protocol.eval_on, "seen");
  EXPECT_NE(lifted.key(), today.key()) << "two members were not hashed then";
  EXPECT_FALSE(lifted.key_json().at("protocol").contains("eval_on"));
  EXPECT_EQ(lifted.key_json().at("version"), 1) << "of the key's form";
  EXPECT_EQ(lifted.comparability_json().at("order"), "pilot");
  EXPECT_EQ(today.comparability_json().at("order"), "numpy");
  // Whatever is done with it: written, read, lifted once more.
  EXPECT_EQ(RunSpec::upgrade(RunSpec::upgrade(stored)), RunSpec::upgrade(stored));
  EXPECT_EQ(RunSpec::from_json(lifted.to_json(), "x").key(), lifted.key());
  EXPECT_EQ(RunSpec::from_json(RunSpec::upgrade(stored), "x").to_json(), lifted.to_json());
  EXPECT_EQ(RunSpec::upgrade(today.to_json()), today.to_json()) << "today's shape comes back as it is";
}

TEST(RunSpec, FeatureVectorsCameByThemselves) {
  Json stored = good_spec().to_json();
  for (const char* later : {"modality", "feature_dim"}) stored["dataset"].erase(later);
  EXPECT_EQ(RunSpec::from_json(stored, "x").key(), good_spec().key());
}

TEST(RunSpec, AStoredSpecHasNoExecution) {
  Json stored = good_spec().to_json();
  stored.erase("execution");
  EXPECT_EQ(RunSpec::from_stored(stored, "x").key(), good_spec().key());
  for (const Json& garbage : {Json(), Json::array(), Json("text"), Json{{"version", "1"}}, Json{{"version", 1}, {"protocol", 1}}})
    EXPECT_NE(error_of<Error>([&] { RunSpec::from_stored(garbage, "here"); }), "") << garbage;
}

TEST(RunSpec, AStoredSpecSaysWhereItsAssetsLie) {
  RunSpec spec = good_spec();
  EXPECT_FALSE(spec.to_stored().contains("execution"));
  spec.execution.cache_dir = "/somewhere";
  spec.execution.asset_files["captions"] = "/data/captions.txt";
  spec.execution.vocabulary_files["main"] = "/data/vocabulary.txt";
  const RunSpec again = RunSpec::from_stored(spec.to_stored(), "x");
  EXPECT_EQ(again.execution.asset_files, spec.execution.asset_files);
  EXPECT_EQ(again.execution.vocabulary_files, spec.execution.vocabulary_files);
  EXPECT_EQ(again.execution.cache_dir, "");
  EXPECT_EQ(again.key(), spec.key());
}

TEST(Neutral, AMemberThatHasItsNeutralValueIsNotWritten) {
  const std::vector<NeutralMember> table{{"protocol", "unseen", false, 2, Decides::kTable}, {"weights", "tower", "vit", 3, Decides::kRun}};
  const Json before{{"kind", "class"}, {"tower", "other"}};
  Json now = before;
  now["unseen"] = false;
  EXPECT_EQ(without_neutral("protocol", now, table), before);
  EXPECT_EQ(without_neutral("protocol", before, table), before);
  now["unseen"] = true;
  EXPECT_EQ(without_neutral("protocol", now, table), now);
  EXPECT_EQ(*neutral_of("protocol", "unseen", table), false);
  EXPECT_EQ(neutral_of("weights", "unseen", table), nullptr);
  EXPECT_EQ(neutral_of("", "unseen", table), nullptr);
}

// What keys depend on: a line of the table that is there stays as it is.
TEST(Neutral, TheTableIsInOrder) {
  int64_t version = 2;
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const NeutralMember& member : neutral_members()) {
    EXPECT_GE(member.since, version) << member.name << ": a new member comes last";
    version = member.since;
    EXPECT_TRUE(names.insert({member.object, member.name}).second) << member.name;
    const std::set<std::string_view> objects{"run", "method", "dataset", "weights", "random", "protocol", "recipe", "execution"};
    EXPECT_TRUE(objects.contains(member.object)) << member.object;
  }
}

TEST(Recipe, OutputIsTheLastCropElseResize) {
  TransformRecipe recipe;
  EXPECT_EQ(recipe.output_size(), 0);
  recipe.resize = 256;
  EXPECT_EQ(recipe.output_size(), 256);
  recipe.center_crop = 224;
  EXPECT_EQ(recipe.output_size(), 224);
  EXPECT_FALSE(recipe.random());
  recipe.random_resized_crop = 112;
  EXPECT_EQ(recipe.output_size(), 112);
  EXPECT_TRUE(recipe.random());
}

TEST(Describe, MethodRoundTripAndStrictness) {
  MethodInfo info{"l2p", "1.0.0", "Wang", "/l2p.so", "abc", 5, 2, {}, {"main"}, {}, {}};
  info.params.push_back({"top_k", "int", "prompts", 5, 0, 64, {}, 128, 3, {}, "blocks", {}, ""});
  info.params.push_back({"feature", "choice", "what", "cls", 0, 0, {"cls", "mean"}, 0, nullptr, {}, "", {}, ""});
  info.params.back().neutral = "mean";
  Json json = info.to_json();
  EXPECT_EQ(MethodInfo::from_json(json, "d").to_json(), json);
  json["params"][1]["type"] = "colour";
  const std::string text = error_of<Error>([&] { MethodInfo::from_json(json, "d"); });
  EXPECT_TRUE(contains(text, "params[1].type")) << text;
  EXPECT_THROW(DatasetInfo::from_json(info.to_json(), "d"), Error) << "a method is no dataset";
}

TEST(Describe, ParametersAtTheirNeutralValueAreLeftOut) {
  std::vector<ParamInfo> params(3);
  params[0].name = "old";
  params[0].default_value = 1;
  params[1].name = "off";
  params[1].default_value = params[1].neutral = 0.0;
  params[2].name = "on";
  params[2].default_value = true;
  params[2].neutral = false;
  EXPECT_EQ(without_neutral({{"old", 1}, {"off", 0}, {"on", false}}, params), (Json{{"old", 1}}));
  EXPECT_EQ(without_neutral({{"old", 1}, {"off", 0.5}, {"on", true}}, params), (Json{{"old", 1}, {"off", 0.5}, {"on", true}}));
  EXPECT_EQ(without_neutral({{"old", 1}}, params), (Json{{"old", 1}}));
}

TEST(Describe, WhatValuesClaim) {
  std::vector<ParamInfo> params(2);
  params[0].name = "route";
  params[0].default_value = "nearest";
  params[0].implies = 1;
  params[0].implied_when = "oracle";
  params[0].implications = {{"random", 2}};
  params[1].name = "vote";
  params[1].default_value = true;
  params[1].neutral = false;
  params[1].implies = 4;
  params[1].implied_when = true;
  EXPECT_EQ(implied_capabilities(params, {{"route", "oracle"}, {"vote", true}}), 5u);
  EXPECT_EQ(implied_capabilities(params, {{"route", "random"}, {"vote", false}}), 2u);
  EXPECT_EQ(implied_capabilities(params, Json::object()), 0u) << "left out: its neutral value, or else its default";
}

TEST(Describe, DatasetRoundTripAndStrictness) {
  DatasetInfo info;
  info.id = "toy";
  info.modality = "images";
  info.class_names = {"a", "b"};
  info.class_count = 2;
  info.train_counts = {3, 4};
  info.orders["paper"] = {1, 0};
  Json json = info.to_json();
  EXPECT_EQ(DatasetInfo::from_json(json, "d").to_json(), json);
  json["orders"]["paper"] = "1,0";
  EXPECT_TRUE(contains(error_of<Error>([&] { DatasetInfo::from_json(json, "d"); }), "orders.paper must be a list"));
}

}  // namespace
}  // namespace clb::base
