# Makes agreement.json: what R says of pairs of marks, for tests/statistics/test_agreement.py.
# Run where R and Debian's r-cran-psych and r-cran-jsonlite are: Rscript tests/statistics/agreement.R
# psych::cohen.kappa(x): kappa and weighted.kappa (quadratic); psych::ICC(x, lmer = FALSE): the six by mean squares.
suppressMessages({library(psych); library(jsonlite)})
set.seed(20261202)
sf <- matrix(c(9,2,5,8,6,1,3,2,8,4,6,8,7,1,2,6,10,5,6,9,6,2,4,7),ncol=4,byrow=TRUE)
mk <- function(n, full, step, noise, bias) { t <- round(runif(n,0,full)/step)*step
  f <- function(b) pmin(full,pmax(0, t + round(rnorm(n,b,noise)/step)*step)); cbind(f(0), f(bias)) }
sets <- list(shrout_fleiss_1_2 = sf[,1:2], shrout_fleiss_2_4 = sf[,c(2,4)], shrout_fleiss_1_3=sf[,c(1,3)], halves = mk(200,10,0.5,1,0.5), rough = mk(60,5,1,2,-1), twelve = mk(12,20,0.5,3,0))
out <- lapply(sets, function(x) { k <- cohen.kappa(x); i <- ICC(x, lmer=FALSE)$results$ICC
  list(pairs=x, kappa=c(k$kappa, k$weighted.kappa), icc=unname(i)) })
cat(toJSON(out, digits=NA, pretty=FALSE))
