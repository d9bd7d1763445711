# /// clbench
# id = "pilot_learner"
# version = "1.0.0"
# paper = "Zhou et al., IJCV 2024, arXiv:2303.07338"
# capabilities = ["bitwise"]
# param = [
#   { name = "batch_size", type = "int", default = 48, range = [1, 65536], help = "images per update" },
#   { name = "tuned_epoch", type = "int", default = 2, range = [0, 1000], help = "epochs of the first task" },
#   { name = "init_lr", type = "float", default = 0.01, range = [0, 10], help = "learning rate" },
# ]
# ///
