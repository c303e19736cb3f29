import {openDescent} from './descent/index'
import {rules} from './generated/rules.js'
import {surfaces} from './generated/surfaces.js'
import {offer} from './live'
import {bestRate, Walker} from './walk'

offer('descent', openDescent, {rules, surfaces, Walker, bestRate})
