// Every mistake in an experiment is one sentence with its place. The table changes one line of a good experiment.
#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

struct Mistake {
  int line;  // of kGood, replaced by `text`
  std::string text;
  std::string sentence;
};

const std::vector<Mistake> kMistakes = {
    // names
    {21, "bacth_size = 64",
     R"(good.toml:21:1: unknown key "bacth_size" in [protocol]; known keys are name, kind, split, order, order_seed, domains, stop_after, joint, eval_on, eval_unseen, eval_transform, test_batches, test_batch_size, evaluate_on, validation_fraction)"},
    {21, "test_bacth_size = 64", R"(good.toml:21:1: unknown key "test_bacth_size" in [protocol]; did you mean "test_batch_size"?)"},
    {14, "splitt = \"B0-Inc10\"", R"(good.toml:14:1: unknown key "splitt" in [protocol]; did you mean "split"?)"},
    {27, "order_seed = 3", R"(good.toml:27:1: unknown key "order_seed" in [run]; it belongs in [protocol])"},
    {13, "name = \"x\"", R"(good.toml:13:8: protocol.name: there is no protocol "x"; there are no protocols in share/protocols)"},
    {24, "name = \"x\"", R"(good.toml:24:1: unknown key "name" in [run]; it belongs at the top level)"},
    {23, "[runs]", R"(good.toml:23:2: unknown key "runs" at the top level; did you mean "run"?)"},
    {4, "path = \"cifar\"",
     R"(good.toml:4:1: unknown key "path" in [dataset]; known keys are id, name, root, sequence, train_per_class, test_per_class, params)"},
    {9, "sha265 = \"0\"", R"(good.toml:9:1: unknown key "sha265" in [weights.main]; did you mean "sha256"?)"},
    {34, "presets = \"small\"", R"(good.toml:34:1: unknown key "presets" in [method]; did you mean "preset"?)"},
    // syntax
    {14, "split = ", R"(good.toml:14:9: not valid TOML: while parsing key-value pair: expected value, saw '\n')"},
    {14, "split = \"B0",
     R"(good.toml:14:12: not valid TOML: while parsing string: unescaped control characters other than TAB (U+0009) are explicitly prohibited)"},
    {12, "[]", R"(good.toml:12:2: not valid TOML: while parsing table header: tables with blank bare keys are explicitly prohibited)"},
    {12, "[!protocol]",
     R"(good.toml:12:2: not valid TOML: while parsing key: expected bare key starting character or string delimiter, saw '!')"},
    {32, "[[]]", R"(good.toml:32:3: not valid TOML: while parsing table header: tables with blank bare keys are explicitly prohibited)"},
    {14, "kind = \"class\"", R"(good.toml:14:8: not valid TOML: while parsing key-value pair: cannot redefine existing string 'kind')"},
    {35, "params = { top_k = [0, 5 }", R"(good.toml:35:26: not valid TOML: while parsing array: expected comma or closing ']', saw '}')"},
    // shape
    {23, "run = 5", R"(good.toml:23:1: unknown key "run" in [protocol]; it belongs at the top level)"},
    {2, "", R"(good.toml:2:1: unknown key "id" at the top level; it belongs in [dataset])"},
    {2, "[data.set]",
     R"(good.toml:2:2: unknown key "data" at the top level; known keys are name, dataset, weights, assets, protocol, run, method)"},
    {1, "name = 5", R"(good.toml:1:8: name must be a string, found the integer 5)"},
    {1, "name = \"\"", R"(good.toml:1:8: name must not be empty)"},
    // dataset
    {3, "id = \"cifra100\"", R"(good.toml:3:6: no dataset "cifra100" is installed; did you mean "cifar100"?)"},
    {3, "id = \"imagenet\"",
     R"(good.toml:3:6: no dataset "imagenet" is installed; installed datasets are cifar100, fashion_mnist, vectors)"},
    {3, "", R"(good.toml:2:1: [dataset] needs id, for example id = "cifar100")"},
    {4, "root = \"nowhere\"", R"(good.toml:4:8: dataset.root: no such folder nowhere; give another with --set dataset.root=DIR)"},
    {4, "root = 5", R"(good.toml:4:8: dataset.root must be a string, found the integer 5)"},
    {5, "train_per_class = 501",
     R"(good.toml:5:19: dataset.train_per_class = 501, but class 0 (apple) of cifar100 has only 500 samples in that split)"},
    {6, "test_per_class = 101",
     R"(good.toml:6:18: dataset.test_per_class = 101, but class 0 (apple) of cifar100 has only 100 samples in that split)"},
    {5, "train_per_class = 0", R"(good.toml:5:19: dataset.train_per_class must be an integer of at least 1, found the integer 0)"},
    {5, "train_per_class = 4.5", R"(good.toml:5:19: dataset.train_per_class must be an integer of at least 1, found the number 4.5)"},
    {4, "root = \"two\\nlines\"", R"(good.toml:4:8: dataset.root: no such folder two lines; give another with --set dataset.root=DIR)"},
    // weights
    {8, "file = \"vti.safetensors\"",
     R"(good.toml:8:8: weights.main.file: no such file vti.safetensors; give another path with --set weights.main.file=FILE)"},
    {9, "",
     R"(good.toml:7:1: [weights.main] needs the digest of vit.safetensors: sha256 = "d8fcc7b56c920446ada473a33c9bcf4aec28a88ff75e4786146e02b4614a89a8")"},
    {9, "sha256 = \"1111111111111111111111111111111111111111111111111111111111111111\"",
     R"(good.toml:9:10: vit.safetensors has SHA-256 d8fcc7b56c920446ada473a33c9bcf4aec28a88ff75e4786146e02b4614a89a8, the experiment names 1111111111111111111111111111111111111111111111111111111111111111; name the first if this file is meant, else get the other one)"},
    {9, "sha256 = \"2c26\"", R"(good.toml:9:10: weights.main.sha256 must be 64 hexadecimal digits, found "2c26")"},
    {8, "", R"(good.toml:7:1: [weights.main] needs name = "...", file = "..." or random = { image = 32, patch = 4, ... })"},
    {10, "random = { dim = 64 }", R"(good.toml:8:8: weights.main.file has no meaning beside random weights)"},
    {7, "[weights.Main]", R"(good.toml:7:10: a role of weights has small letters, digits and _, "main" for example, found "Main")"},
    {10, "heads = 0", R"(good.toml:10:9: weights.main.heads must be an integer from 1 to 1024, found the integer 0)"},
    {11, "pos_antialias = \"yes\"", R"(good.toml:11:17: weights.main.pos_antialias must be true or false, found the string "yes")"},
    // protocol
    {13, "kind = \"domain\"",
     R"(good.toml:14:9: protocol.split = "B0-Inc10": a domain-incremental stream has one task per domain; leave split out)"},
    {18, "eval_on = \"all\"", R"(good.toml:18:11: protocol.eval_on is for domain-incremental streams (kind = "domain"))"},
    {13, "kind = \"clas\"", R"(good.toml:13:8: protocol.kind must be one of class, domain, task, found "clas"; did you mean "class"?)"},
    {18, "joint = 1", R"(good.toml:18:9: protocol.joint must be true or false, found the integer 1)"},
    {14, "split = \"B0Inc10\"", R"(good.toml:14:9: split must look like "B0-Inc10" or "B50-Inc5", found "B0Inc10")"},
    {14, "split = \"B0-Inc0\"", R"(good.toml:14:9: split must look like "B0-Inc10" or "B50-Inc5", found "B0-Inc0")"},
    {14, "split = \"B500-Inc10\"", R"(good.toml:14:9: split "B500-Inc10" wants 500 classes in the first task, the dataset has 100)"},
    {14, "", R"(good.toml:12:1: [protocol] needs split, for example split = "B0-Inc10")"},
    {15, "order = \"pilto\"", R"(good.toml:15:9: unknown class order "pilto"; did you mean "pilot"?)"},
    {15, "order = \"random\"",
     R"(good.toml:15:9: unknown class order "random"; known are pilot, numpy(SEED), python(SEED), identity, official, official:NAME, seed, or a list)"},
    {15, "order = \"numpy(-1)\"", R"x(good.toml:15:9: the seed in "numpy(-1)" must be an integer from 0 to 4294967295)x"},
    {15, "order = \"official\"", R"(good.toml:15:9: dataset cifar100 has no official class order)"},
    {15, "order = [0, 1, 1]", R"(good.toml:15:16: protocol.order lists class 1 twice)"},
    {15, "order = [0, 1, 100]",
     R"(good.toml:15:16: each element of protocol.order must be an integer from 0 to 99, found the integer 100)"},
    {15, "order = [0, 1, 2]", R"(good.toml:15:9: protocol.order lists 3 classes, dataset cifar100 has 100)"},
    {15, "order = []", R"(good.toml:15:9: protocol.order must not be an empty list)"},
    {15, "order = 5", R"(good.toml:15:9: protocol.order must be a string, found the integer 5)"},
    {16, "order_seed = -1", R"(good.toml:16:14: protocol.order_seed must be an integer of at least 0, found the integer -1)"},
    {17, "stop_after = 11", R"(good.toml:17:14: protocol.stop_after = 11, but split "B0-Inc10" of dataset cifar100 has 10 tasks)"},
    {17, "stop_after = 0", R"(good.toml:17:14: protocol.stop_after must be an integer of at least 1, found the integer 0)"},
    {19, "eval_transform = \"plane\"",
     R"(good.toml:19:18: protocol.eval_transform: there is no recipe "plane" in share/recipes; did you mean "plain"?)"},
    {19, "eval_transform = \"../x\"",
     R"(good.toml:19:18: protocol.eval_transform: there is no recipe "../x" in share/recipes; its recipes are crop, plain)"},
    {19, "eval_transform = \"crop\"", R"(share/recipes/crop.toml:1:1: the recipe needs a table [eval])"},
    {19, "", R"(good.toml:12:1: [protocol] needs eval_transform, for example eval_transform = "deit-224")"},
    {20, "test_batches = \"sorted\"", R"(good.toml:20:16: protocol.test_batches must be one of shuffled, class_sorted, found "sorted")"},
    {21, "test_batch_size = 0", R"(good.toml:21:19: protocol.test_batch_size must be an integer from 1 to 65536, found the integer 0)"},
    {36, "train_transform = true", R"(good.toml:36:19: method.train_transform must be a string, found true)"},
    {22, "evaluate_on = \"val\"", R"(good.toml:22:15: protocol.evaluate_on must be one of test, validation, found "val")"},
    {22, "validation_fraction = 1.0", R"(good.toml:22:23: protocol.validation_fraction must lie between 0 and 1, both excluded, found 1)"},
    // run
    {24, "seed = []", R"(good.toml:24:8: run.seed must not be an empty list)"},
    {24, "seed = [0, \"1\"]", R"(good.toml:24:12: each element of run.seed must be an integer of at least 0, found the string "1")"},
    {24, "seed = 0.5", R"(good.toml:24:8: run.seed must be an integer of at least 0 or a list of them, found the number 0.5)"},
    {25, "precision = \"fp16\"", R"(good.toml:25:13: run.precision must be one of fp32, tf32, bf16, bf16_weights, found "fp16")"},
    {25, "precision = \"bf16\"", R"(good.toml:25:13: method l2p does not support precision bf16; use fp32 or tf32)"},
    {26, "device = \"cuda:x\"",
     R"(good.toml:26:10: run.device must be one of auto, cpu, cuda, cuda:N, found "cuda:x"; did you mean "cuda:N"?)"},
    {27, "threads = 0", R"(good.toml:27:11: run.threads must be an integer from 1 to 4096, found the integer 0)"},
    {27, "threads = 1979-05-27", R"(good.toml:27:11: run.threads must be an integer from 1 to 4096, found a date or time)"},
    {28, "checkpoint = true", R"(good.toml:28:14: run.checkpoint must be one of every, last, off, found true)"},
    {31, "store_limit = -1", R"(good.toml:31:15: run.store_limit must be an integer of at least 0, found the integer -1)"},
    // method
    {33, "id = \"l2pp\"", R"(good.toml:33:6: no method "l2pp" is installed; did you mean "l2p"?)"},
    {33, "id = [\"l2p\"]", R"(good.toml:33:6: method.id must be a string, found a list)"},
    {33, "id = \"simplecil\"",
     R"(good.toml:34:10: method simplecil has no preset "small"; there are no presets in share/presets/simplecil)"},
    {34, "preset = \"smal\"", R"(good.toml:34:10: method l2p has no preset "smal"; did you mean "small"?)"},
    {35, "params = { topk = 5 }", R"(good.toml:35:12: method l2p has no parameter "topk"; did you mean "top_k"?)"},
    {35, "params = { top_k = 65 }", R"(good.toml:35:20: params.top_k must lie in [0, 64], found 65)"},
    {35, "params = { top_k = [0, 5.5] }", R"(good.toml:35:24: each element of params.top_k must be an integer, found the number 5.5)"},
    {35, "params = { top_k = [] }", R"(good.toml:35:20: params.top_k must not be an empty list)"},
    {35, "params = { feature = \"clss\" }",
     R"(good.toml:35:22: params.feature must be one of prompt_mean, cls, found "clss"; did you mean "cls"?)"},
    {35, "params = { batch_vote_test = 1 }", R"(good.toml:35:30: params.batch_vote_test must be true or false, found the integer 1)"},
    {35, "params = { milestones = 3 }", R"(good.toml:35:25: params.milestones must be a list of numbers, found the integer 3)"},
    {35, "params = { milestones = [3, 100] }", R"(good.toml:35:29: each element of params.milestones must lie in [0, 99], found 100)"},
    {35, "params = { lr = nan }", R"(good.toml:35:17: params.lr must be a finite number, found the number nan)"},
    {35, "params = 5", R"(good.toml:35:10: params must be a table, found the integer 5)"},
    {36, "train_transform = \"crops\"",
     R"(good.toml:36:19: method.train_transform: there is no recipe "crops" in share/recipes; did you mean "crop"?)"},
};

TEST_F(PlanTest, GoodExperimentIsGood) { EXPECT_EQ(mistake(kGood), ""); }

TEST_F(PlanTest, EachMistakeIsOneSentence) {
  for (const Mistake& m : kMistakes) {
    SCOPED_TRACE(m.text);
    EXPECT_EQ(mistake(with_line(kGood, m.line, m.text)), m.sentence);
  }
}

// Mistakes that change more than one line, or a file beside the experiment.
TEST_F(PlanTest, MissingTables) {
  const std::string no_protocol = "[dataset]\nid = \"cifar100\"\n[weights.main]\nrandom = {}\n[[method]]\nid = \"simplecil\"\n";
  EXPECT_EQ(mistake(no_protocol), "good.toml:1:1: the experiment needs a table [protocol]");
  const std::string protocol = "[protocol]\nsplit = \"B0-Inc2\"\norder = \"pilot\"\neval_transform = \"plain\"\n";
  const std::string method = "[[method]]\nid = \"simplecil\"\n", dataset = "[dataset]\nid = \"fashion_mnist\"\n";
  EXPECT_EQ(mistake(protocol + method), "good.toml:1:1: the experiment needs a table [dataset]");
  EXPECT_EQ(mistake(protocol + dataset), "good.toml:1:1: the experiment needs a table [method]");
  EXPECT_EQ(mistake(protocol + dataset + method),
            "good.toml:1:1: the experiment needs a table [weights.main], because dataset fashion_mnist holds images");
  EXPECT_EQ(mistake("dataset = [1, 2]\n" + protocol + method),
            "good.toml:1:11: dataset must be a table [dataset] or several [[dataset]], found a list of something else");
  EXPECT_EQ(mistake("weights = 3\n" + protocol + dataset + method), "good.toml:1:11: weights must be a table, found the integer 3");
}

TEST_F(PlanTest, OfficialOrders) {
  const std::string fashion = with_line(with_line(with_line(kGood, 3, "id = \"fashion_mnist\""), 14, "split = \"B0-Inc2\""), 17, "");
  EXPECT_EQ(mistake(with_line(fashion, 15, "order = \"official\"")),
            "good.toml:15:9: dataset fashion_mnist has several official class orders, name one: official:alphabet, official:broken");
  EXPECT_EQ(mistake(with_line(fashion, 15, "order = \"official:alphabte\"")),
            "good.toml:15:9: dataset fashion_mnist has no official class order \"alphabte\"; did you mean \"alphabet\"?");
  EXPECT_EQ(mistake(with_line(fashion, 15, "order = \"official:broken\"")),
            "good.toml:15:9: the official class order \"broken\" of dataset fashion_mnist is no permutation of its 10 classes");
  EXPECT_EQ(mistake(with_line(fashion, 15, "order = \"official:alphabet\"")), "");
}

TEST_F(PlanTest, LettersThatAreNotAsciiBelongIntoQuotes) {
  const std::string sentence = "a letter that is not ASCII stands outside quotes; put the key or value into quotes";
  EXPECT_EQ(mistake(with_line(kGood, 2, "\u03db = 1\n[dataset]")), "good.toml:2:1: " + sentence);
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \u03db")), "good.toml:1:8: " + sentence);
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\"\"a\"\"\"\"\u03db")), "good.toml:1:16: " + sentence);
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\u03db \\\" \u03db\" # \u03db")), "");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = '\u03db' # it's \u03db\n")), "");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\"\"\u03db\n\u03db\"\"\"")), "");
  EXPECT_EQ(mistake("\xEF\xBB\xBF" + kGood), "");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = 0['\u03db']")),
            "good.toml:1:9: quotes or a bracket in the middle of a key or value; quote the whole of it");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = 0\"\u03db\"")),
            "good.toml:1:9: quotes or a bracket in the middle of a key or value; quote the whole of it");
}

TEST_F(PlanTest, ABackslashBeforeALetterThatIsNotAscii) {
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\"\"a\\\u03db\"\"\"")),
            "good.toml:1:12: a backslash before a letter that is not ASCII; write two of them");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\"\"a\\\n \n\u03db\"\"\"")),
            "good.toml:1:12: a backslash before a letter that is not ASCII; write two of them");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\"\"a\\\n b\u03db\"\"\"")), "");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = \"\\\\\u03db\" # \\\u03db")), "");
  EXPECT_EQ(mistake(with_line(kGood, 1, "name = '\\\u03db'")), "");
}

TEST_F(PlanTest, ClaimsThatTheProtocolForbids) {
  std::string seer = kGood.substr(0, kGood.find("[[method]]")) + "[[method]]\nid = \"seer\"\n";
  EXPECT_EQ(
      mistake(seer),
      "good.toml:33:6: method seer needs the task id of every test sample, which protocol.kind = \"class\" does not give; \"task\" does");
  EXPECT_EQ(mistake(with_line(seer, 13, "kind = \"task\"")), "");
}

TEST_F(PlanTest, WhatFeatureVectorsHaveNoUseFor) {
  const std::string data = "[dataset]\nid = \"vectors\"\n", weights = "[weights.main]\nrandom = {}\n",
                    protocol = "[protocol]\nsplit = \"B0-Inc5\"\norder = \"identity\"\n", transform = "eval_transform = \"plain\"\n",
                    method = "[[method]]\nid = \"simplecil\"\n";
  EXPECT_EQ(mistake(data + protocol + method), "");
  EXPECT_EQ(
      mistake(data + weights + protocol + method),
      "good.toml:3:10: dataset vectors holds feature vectors, which need no weights; remove [weights.main], and run datasets of images "
      "in an experiment of their own");
  EXPECT_EQ(mistake(data + protocol + transform + method),
            "good.toml:6:18: protocol.eval_transform: dataset vectors holds feature vectors, which are not transformed; remove it");
  EXPECT_EQ(mistake(data + protocol + "[[method]]\nid = \"l2p\"\n"),
            "good.toml:7:6: method l2p needs images, but dataset vectors holds feature vectors; choose a method on frozen features or set "
            "feature = \"cls\"");
  EXPECT_EQ(mistake(data + protocol + "[[method]]\nid = \"l2p\"\nparams = { feature = \"cls\" }\n"), "");
  EXPECT_EQ(mistake("[[dataset]]\nid = \"vectors\"\n[[dataset]]\nid = \"cifar100\"\n" + protocol + method),
            "good.toml:1:1: the experiment needs a table [weights.main], because dataset cifar100 holds images");
}

TEST_F(PlanTest, WhatTheCatalogueThrowsGetsAPlace) {
  fs::create_directories(folder_ / "locked");
  const std::string locked = with_line(with_line(kGood, 3, "id = \"vectors\""), 4, "root = \"locked\"");
  EXPECT_EQ(mistake(locked), "good.toml:3:6: locked: cannot be read");
}

TEST_F(PlanTest, FilesBesideTheExperiment) {
  write("share/presets/l2p/small.toml", "[params]\nlr = 20\n");
  EXPECT_EQ(mistake(kGood), "share/presets/l2p/small.toml:2:6: params.lr must lie in [0, 10], found 20");
  write("share/presets/l2p/small.toml", "paramz = {}\n");
  EXPECT_EQ(mistake(kGood), "share/presets/l2p/small.toml:1:1: unknown key \"paramz\" at the top level; did you mean \"params\"?");
  write("share/presets/l2p/small.toml", "");
  for (const auto& [recipe, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"[eval]\nresise = 3\n", "2:1: unknown key \"resise\" in [eval]; did you mean \"resize\"?"},
           {"[eval]\nflip = 0.5\n",
            "1:1: [eval] must be deterministic: no random_crop, random_resized_crop, flip, brightness, contrast, saturation"},
           {"[eval]\nresize = 32\n", "1:1: the recipe needs a table [train]"},
           {"[eval]\nstd = [1, 1, 0]\n", "2:7: eval.std must hold numbers above 0"},
           {"[eval]\nmean = [1, 1]\n", "2:8: eval.mean must be a list of 3 numbers, found a list"},
           {"[eval]\n[train]\nscale = [0.5, 0.1]\n", "3:9: train.scale must be [low, high] with 0 < low <= high <= 1"},
           {"[eval]\n[train]\nflip = 2\n", "3:8: train.flip must lie in [0, 1], found 2"},
           {"[eval]\n[dataset.x.evil]\n", "2:12: unknown key \"evil\" in [dataset.x]; did you mean \"eval\"?"}}) {
    SCOPED_TRACE(recipe);
    write("share/recipes/plain.toml", recipe);
    EXPECT_EQ(mistake(with_line(kGood, 36, "")), "share/recipes/plain.toml:" + sentence);
  }
}

TEST_F(PlanTest, MissingExperiment) {
  PlanOptions missing = options();
  missing.experiment = "gud.toml";
  try {
    make_plan(missing, catalogue_);
    FAIL() << "expected an Error";
  } catch (const base::Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "gud.toml: no such experiment file; experiments in " + (folder_ / "share/experiments").string() + " are good");
  }
}

}  // namespace
}  // namespace clb::plan::testing
